/*
 * Stands in the place of a program of another architecture and runs it by qemu-user, so that
 * the program can start itself again, as Python does, without the host knowing of it.
 *
 * QEMU and PROGRAM are paths; PROGRAM is also what the program is told that it is.
 */
#include <stdlib.h>
#include <unistd.h>

int main(int count, char **words)
{
	char **command = calloc(count + 4, sizeof(*command));

	if (!command)
		return 127;
	command[0] = QEMU;
	command[1] = "-0";
	command[2] = PROGRAM;
	command[3] = PROGRAM ".arm";
	for (int i = 1; i < count; i++)
		command[i + 3] = words[i];
	execv(QEMU, command);
	return 127;
}
