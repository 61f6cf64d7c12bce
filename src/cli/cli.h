/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The whole of `ipsecmon`, from its arguments to its exit status (enum cli_exit). */
int cli_main(int argc, char **argv);
