/*
 * An I2C bus for a process that knows nothing of it (LD_PRELOAD).
 *
 * Where I2C_SHIM_SOCKET names a socket, opening /dev/i2c-1 connects to it, and the ioctls of
 * linux/i2c-dev.h on what was opened become messages, in the format of wire.py. Anything
 * else goes to the system as ever.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/i2c-dev.h>
#include <linux/i2c.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum operation { TRANSFER = 0, CLAIM = 1 };
enum { DESCRIPTORS = 4096, LARGEST = 65536 };

static struct { char used; uint16_t address; } bus[DESCRIPTORS];
static pthread_mutex_t wire = PTHREAD_MUTEX_INITIALIZER; /* one exchange at a time */

static int fail(int error)
{
	errno = error;
	return -1;
}

static char *put(char *at, const void *content, size_t size)
{
	return (char *)memcpy(at, content, size) + size;
}

/* Send a request, receive the reply; give its s32, or -1 and errno where that is negative. */
static int exchange(int fd, const char *request, size_t size, char *reply, ssize_t expected)
{
	int32_t outcome;
	ssize_t got;

	pthread_mutex_lock(&wire);
	got = size ? send(fd, request, size, MSG_NOSIGNAL) : 0;
	if (got >= 0)
		do
			got = recv(fd, reply, LARGEST, 0);
		while (got < 0 && errno == EINTR);
	pthread_mutex_unlock(&wire);
	if (got < (ssize_t)sizeof(outcome))
		return fail(ENODEV); /* the emulator is gone, and the adapter with it */
	memcpy(&outcome, reply, sizeof(outcome));
	if (outcome < 0)
		return fail(-outcome);
	return got == expected ? outcome : fail(EPROTO);
}

static int transfer(int fd, const struct i2c_msg *messages, uint16_t count)
{
	char request[LARGEST], reply[LARGEST], *at = request;
	uint16_t head[3] = {TRANSFER, count};
	size_t expected = sizeof(int32_t), size = 4;
	int outcome;

	for (int i = 0; i < count; i++) {
		size += sizeof(head) + messages[i].len;
		if (messages[i].flags & I2C_M_RD)
			expected += messages[i].len;
	}
	if (size > LARGEST || expected > LARGEST)
		return fail(EINVAL);
	at = put(at, head, 4);
	for (int i = 0; i < count; i++) {
		const struct i2c_msg *message = &messages[i];
		uint16_t description[3] = {message->addr, message->flags & I2C_M_RD, message->len};

		at = put(at, description, sizeof(description));
		if (!(message->flags & I2C_M_RD))
			at = put(at, message->buf, message->len);
	}
	outcome = exchange(fd, request, at - request, reply, expected);
	if (outcome < 0)
		return -1;
	at = reply + sizeof(int32_t);
	for (int i = 0; i < count; i++)
		if (messages[i].flags & I2C_M_RD) {
			memcpy(messages[i].buf, at, messages[i].len);
			at += messages[i].len;
		}
	return outcome;
}

/* Bind to an address, which the kernel refuses where a driver of its own has it. */
static int claim(int fd, uint16_t address, int force)
{
	uint16_t request[2] = {CLAIM, address};
	char reply[LARGEST];

	if (!force && exchange(fd, (char *)request, sizeof(request), reply, sizeof(int32_t)) < 0)
		return -1;
	bus[fd].address = address;
	return 0;
}

/* The SMBus transactions as I2C messages, as i2c_smbus_xfer_emulated() of the kernel. */
static int smbus(int fd, const struct i2c_smbus_ioctl_data *order)
{
	union i2c_smbus_data *data = order->data;
	uint8_t written[I2C_SMBUS_BLOCK_MAX + 1] = {order->command};
	uint16_t address = bus[fd].address;
	struct i2c_msg messages[2] = {
		{.addr = address, .len = 1, .buf = written},
		{.addr = address, .flags = I2C_M_RD},
	};
	struct i2c_msg *first = messages, *answer = &messages[1];
	uint8_t *content;
	size_t size;

	switch (order->size) {
	case I2C_SMBUS_QUICK:
		messages[0].len = 0;
		return transfer(fd, first, 1) < 0 ? -1 : 0;
	case I2C_SMBUS_BYTE:
		if (order->read_write == I2C_SMBUS_WRITE)
			return transfer(fd, first, 1) < 0 ? -1 : 0;
		answer->buf = &data->byte;
		answer->len = 1;
		return transfer(fd, answer, 1) < 0 ? -1 : 0;
	case I2C_SMBUS_BYTE_DATA:
		content = &data->byte;
		size = 1;
		break;
	case I2C_SMBUS_WORD_DATA:
		content = (uint8_t *)&data->word;
		size = 2;
		break;
	case I2C_SMBUS_I2C_BLOCK_DATA:
		content = data->block + 1;
		size = data->block[0];
		if (size == 0 || size > I2C_SMBUS_BLOCK_MAX)
			return fail(EINVAL);
		break;
	default:
		return fail(EOPNOTSUPP);
	}
	if (order->read_write == I2C_SMBUS_READ) {
		answer->buf = content;
		answer->len = size;
		return transfer(fd, first, 2) < 0 ? -1 : 0;
	}
	memcpy(written + 1, content, size);
	messages[0].len = 1 + size;
	return transfer(fd, first, 1) < 0 ? -1 : 0;
}

static int connect_bus(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char reply[LARGEST];
	int error, fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd < 0 || fd >= DESCRIPTORS)
		return fail(EMFILE);
	strncpy(address.sun_path, getenv("I2C_SHIM_SOCKET"), sizeof(address.sun_path) - 1);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		errno = ENOENT;
	else if (exchange(fd, NULL, 0, reply, sizeof(int32_t)) == 0) {
		bus[fd].used = 1;
		return fd;
	}
	error = errno;
	close(fd);
	return fail(error);
}

static int is_bus(const char *path)
{
	return getenv("I2C_SHIM_SOCKET") && !strcmp(path, "/dev/i2c-1");
}

#define OPEN(NAME)                                                                             \
	int NAME(const char *path, int flags, ...)                                             \
	{                                                                                      \
		int (*system)(const char *, int, ...) = dlsym(RTLD_NEXT, #NAME);               \
		va_list rest;                                                                  \
		mode_t mode;                                                                   \
                                                                                               \
		if (is_bus(path))                                                              \
			return connect_bus();                                                  \
		va_start(rest, flags);                                                         \
		mode = va_arg(rest, mode_t);                                                   \
		va_end(rest);                                                                  \
		return system(path, flags, mode);                                              \
	}
OPEN(open)
OPEN(open64)

int close(int fd)
{
	int (*system)(int) = dlsym(RTLD_NEXT, "close");

	if (fd >= 0 && fd < DESCRIPTORS)
		bus[fd].used = 0;
	return system(fd);
}

int ioctl(int fd, unsigned long command, ...)
{
	int (*system)(int, unsigned long, ...) = dlsym(RTLD_NEXT, "ioctl");
	va_list rest;
	void *argument;

	va_start(rest, command);
	argument = va_arg(rest, void *);
	va_end(rest);
	if (fd < 0 || fd >= DESCRIPTORS || !bus[fd].used)
		return system(fd, command, argument);
	switch (command) {
	case I2C_SLAVE:
	case I2C_SLAVE_FORCE:
		return claim(fd, (uintptr_t)argument, command == I2C_SLAVE_FORCE);
	case I2C_FUNCS:
		*(unsigned long *)argument = I2C_FUNC_I2C | I2C_FUNC_SMBUS_EMUL;
		return 0;
	case I2C_RDWR: {
		const struct i2c_rdwr_ioctl_data *order = argument;

		if (order->nmsgs > I2C_RDWR_IOCTL_MAX_MSGS)
			return fail(EINVAL);
		return transfer(fd, order->msgs, order->nmsgs);
	}
	case I2C_SMBUS:
		return smbus(fd, argument);
	case I2C_TIMEOUT:
	case I2C_RETRIES:
		return 0;
	default:
		return fail(ENOTTY);
	}
}
