/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/span.h"
#include "model/ike.h"
#include "source/parse.h"

/*
 * As much of an X.509 certificate or revocation list (RFC 5280, 4.1 and 5.1; DER) as tells whose it
 * is, by whom, and from when to when: subject, issuer, serial, not_before_us, not_after_us. Names
 * are written as strongSwan writes them ("C=XX, O=Lab, CN=red.lab"), the serial in hexadecimal.
 * What is too long for its member is cut. Everything else in it is not looked at.
 */
enum parse_result der_certificate(struct span der, struct certificate *ret);
enum parse_result der_crl(struct span der, struct certificate *ret);
