/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a program is asked to do: its last argument. geopause-exec(5) has the protocol. */
#ifndef GEOPAUSE_EXEC_OPERATION_H
#define GEOPAUSE_EXEC_OPERATION_H

enum operation {
	OPERATION_PLAN,
	OPERATION_APPLY,
	OPERATION_INSPECT,
	OPERATION_EXTEND,
	OPERATION_REVERT,
};

#endif
