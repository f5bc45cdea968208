// SPDX-License-Identifier: GPL-2.0
/*
 * An I2C adapter, number 1, whose transfers a process answers through /dev/i2c-answered.
 *
 * read()   waits for a transfer and gives it:
 *            u16 0, u16 count, then for each message u16 address, u16 flags, u16 length,
 *            and the bytes of a message that writes;
 * write()  answers it: s32 count or -errno, then the bytes of all messages that read;
 * ioctl()  ATTACH binds the kernel's own driver to an MPU-6050 at an address, its interrupt
 *          line wired to the INT pin that PULSE pulses.
 *
 * A transfer without an answer fails with ETIMEDOUT, when nobody is there with EREMOTEIO.
 * The format is that of tests/labs/rigs/wire.py, which also answers the shim.
 */
#include <linux/fs.h>
#include <linux/i2c.h>
#include <linux/init.h>
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/irq_sim.h>
#include <linux/irqdomain.h>
#include <linux/miscdevice.h>
#include <linux/mutex.h>
#include <linux/uaccess.h>
#include <linux/wait.h>

#define ATTACH _IO('h', 1)
#define PULSE _IO('h', 2)

enum stage { IDLE, ASKED, TAKEN, ANSWERED };

static DEFINE_MUTEX(lock);		/* guards all that follows */
static DECLARE_WAIT_QUEUE_HEAD(changed);
static enum stage stage;
static struct i2c_msg *messages;
static int count, result, listeners;
static unsigned int interrupt;

static int transfer(struct i2c_adapter *adapter, struct i2c_msg *wanted, int number)
{
	int outcome;

	mutex_lock(&lock);
	if (!listeners) {
		mutex_unlock(&lock);
		return -EREMOTEIO;
	}
	messages = wanted;
	count = number;
	stage = ASKED;
	mutex_unlock(&lock);
	wake_up_all(&changed);

	wait_event_timeout(changed, READ_ONCE(stage) == ANSWERED || !READ_ONCE(listeners),
			   adapter->timeout);

	mutex_lock(&lock);
	if (stage == ANSWERED)
		outcome = result;
	else
		outcome = listeners ? -ETIMEDOUT : -EREMOTEIO;
	stage = IDLE;
	messages = NULL;
	mutex_unlock(&lock);
	return outcome;
}

static int describe(char __user *buffer, size_t room)
{
	u16 head[3] = { 0, count };
	size_t at = 4;
	int i;

	if (room < at || copy_to_user(buffer, head, at))
		return -EFAULT;
	for (i = 0; i < count; i++) {
		struct i2c_msg *message = &messages[i];
		size_t content = message->flags & I2C_M_RD ? 0 : message->len;

		head[0] = message->addr;
		head[1] = message->flags & I2C_M_RD;
		head[2] = message->len;
		if (at + sizeof(head) + content > room)
			return -EMSGSIZE;
		if (copy_to_user(buffer + at, head, sizeof(head)) ||
		    copy_to_user(buffer + at + sizeof(head), message->buf, content))
			return -EFAULT;
		at += sizeof(head) + content;
	}
	return at;
}

static ssize_t ask(struct file *file, char __user *buffer, size_t room, loff_t *offset)
{
	int size;

	for (;;) {
		if (wait_event_interruptible(changed, READ_ONCE(stage) == ASKED))
			return -ERESTARTSYS;
		mutex_lock(&lock);
		if (stage == ASKED)	/* else it timed out in between */
			break;
		mutex_unlock(&lock);
	}
	size = describe(buffer, room);
	stage = TAKEN;
	mutex_unlock(&lock);
	return size;
}

static int take(const char __user *buffer, size_t size)
{
	size_t at = sizeof(s32);
	s32 outcome;
	int i;

	if (size < at || copy_from_user(&outcome, buffer, at))
		return -EINVAL;
	for (i = 0; outcome >= 0 && i < count; i++) {
		struct i2c_msg *message = &messages[i];

		if (!(message->flags & I2C_M_RD))
			continue;
		if (at + message->len > size)
			return -EINVAL;
		if (copy_from_user(message->buf, buffer + at, message->len))
			return -EFAULT;
		at += message->len;
	}
	result = outcome;
	return 0;
}

static ssize_t answer(struct file *file, const char __user *buffer, size_t size, loff_t *offset)
{
	int error = 0;

	mutex_lock(&lock);
	if (stage == TAKEN) {	/* an answer that comes too late is for nobody */
		error = take(buffer, size);
		if (!error)
			stage = ANSWERED;
	}
	mutex_unlock(&lock);
	wake_up_all(&changed);
	return error ? error : size;
}

static int listen(struct inode *inode, struct file *file)
{
	mutex_lock(&lock);
	listeners++;
	mutex_unlock(&lock);
	return 0;
}

static int leave(struct inode *inode, struct file *file)
{
	mutex_lock(&lock);
	listeners--;
	mutex_unlock(&lock);
	wake_up_all(&changed);
	return 0;
}

static u32 functionality(struct i2c_adapter *adapter)
{
	return I2C_FUNC_I2C | I2C_FUNC_SMBUS_EMUL;
}

static const struct i2c_algorithm algorithm = {
	.master_xfer = transfer,
	.functionality = functionality,
};

/* As bcm2835 to model 4: a transfer may hold one read, which comes last. */
static const struct i2c_adapter_quirks quirks = {
	.flags = I2C_AQ_COMB_WRITE_THEN_READ,
};

static struct i2c_adapter adapter = {
	.owner = THIS_MODULE,
	.name = "answered by a process",
	.algo = &algorithm,
	.quirks = &quirks,
	.nr = 1,
};

static long control(struct file *file, unsigned int command, unsigned long address)
{
	struct i2c_board_info chip = { I2C_BOARD_INFO("mpu6050", address), .irq = interrupt };

	switch (command) {
	case ATTACH:
		return PTR_ERR_OR_ZERO(i2c_new_client_device(&adapter, &chip));
	case PULSE:
		return irq_set_irqchip_state(interrupt, IRQCHIP_STATE_PENDING, true);
	default:
		return -ENOTTY;
	}
}

static const struct file_operations operations = {
	.owner = THIS_MODULE,
	.open = listen,
	.release = leave,
	.read = ask,
	.write = answer,
	.unlocked_ioctl = control,
};

static struct miscdevice device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "i2c-answered",
	.fops = &operations,
};

static int __init start(void)
{
	struct irq_domain *pins = irq_domain_create_sim(NULL, 1);
	int error;

	if (IS_ERR(pins))
		return PTR_ERR(pins);
	interrupt = irq_create_mapping(pins, 0);
	error = misc_register(&device);
	return error ? error : i2c_add_numbered_adapter(&adapter);
}
device_initcall(start);
