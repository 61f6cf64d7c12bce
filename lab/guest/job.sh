# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What the kernels that lab/run boots have in common. Sourced by lab/place.

# Without audit_backlog_limit a burst of more than 64 audit records would lose some.
GUEST_WORDS='loglevel=1 audit=1 audit_backlog_limit=65536'

# write_job COMMAND...: what guest/init runs. Our environment does not cross into the guest.
write_job()
{
	{
		printf 'export LAB_OUT=/run/lab/out LAB_BUILD=%q LAB_HOOKS=%q LAB_DAEMONS=%q LAB_KEEP=%q LAB_MONITORS=%q\n' \
			"$BUILD" "${LAB_HOOKS:-best}" "$LAB_DAEMONS" "${LAB_KEEP:-}" "${LAB_MONITORS:-}"
		printf 'exec %q' "$LAB/inside"
		printf ' %q' "$@"
		echo
	} >"$SCRATCH/job"
}
