/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A committed line as event_json() and the log write it. */
#define SAMPLE_LINE \
	"{\"v\":1,\"seq\":17,\"time\":\"2026-01-02T03:04:05.000006Z\",\"id\":4965," \
	"\"name\":\"unknown_spi\",\"log\":\"security\",\"level\":\"warning\",\"host\":\"gw1\"," \
	"\"count\":1,\"counter\":\"XfrmInNoStates\",\"netns\":\"init\",\"iface\":null," \
	"\"src\":\"192.0.2.1\",\"spi\":4294967295,\"policy\":null,\"peer\":\"O=\\\"A]\\\\B\\\"\"," \
	"\"message\":\"no SA with SPI 0xffffffff\",\"detail\":{\"ours\":\"never\",\"n\":[1,2]}," \
	"\"h\":\"0123456789abcdef\"}"

/* A signed head, shortened. */
#define SAMPLE_HEAD \
	"{\"type\":\"signed-head\",\"number\":7,\"host\":\"gw1\",\"time\":" \
	"\"2026-01-02T03:04:05.000006Z\",\"digest\":\"aa\",\"sig\":\"bb\"}"
