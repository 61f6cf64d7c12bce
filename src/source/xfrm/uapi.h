/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What newer kernels say and the build machine's headers may not name yet (ours end in _). */

#define XFRMA_SA_DIR_ 33 /* Linux 6.10 */
#define XFRM_MSG_GETDEFAULT_ 40 /* Linux 5.14 */
#define XFRM_USERPOLICY_BLOCK_ 1 /* struct xfrm_userpolicy_default: Linux 5.14 */
#define XFRM_PROTO_ANY_IPSEC 255 /* IPSEC_PROTO_ANY of the kernel: AH, ESP and COMP */
