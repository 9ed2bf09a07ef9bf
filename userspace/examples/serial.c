// SPDX-License-Identifier: GPL-2.0
/* The serial port: as much of a 16550A as Linux wants to see. */

#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/serial_reg.h>

#include "vmm.h"

static bool can_read(const struct serial *s)
{
	return s->count && s->ier & UART_IER_RDI;
}

static bool can_write(const struct serial *s)
{
	return s->sent && s->ier & UART_IER_THRI;
}

/* The interrupt line follows what there is to be told. */
static void update_irq(struct serial *s)
{
	struct kvm_irq_level level = {
		.irq = SERIAL_IRQ,
		.level = can_read(s) || can_write(s),
	};

	if (level.level == s->irq)
		return;
	s->irq = level.level;
	ioctl(s->vm, KVM_IRQ_LINE, &level);
}

static void push(struct serial *s, uint8_t byte)
{
	if (s->count < SERIAL_FIFO)
		s->fifo[(s->head + s->count++) % SERIAL_FIFO] = byte;
}

static uint8_t pop(struct serial *s)
{
	uint8_t byte;

	if (!s->count)
		return 0;
	byte = s->fifo[s->head];
	s->head = (s->head + 1) % SERIAL_FIFO;
	s->count--;
	pthread_cond_signal(&s->room);
	return byte;
}

static uint8_t identify(struct serial *s)
{
	uint8_t iir = s->fcr & UART_FCR_ENABLE_FIFO ? 0xc0 : 0;

	if (can_read(s))
		return iir | UART_IIR_RDI;
	if (can_write(s)) {
		s->sent = false;
		return iir | UART_IIR_THRI;
	}
	return iir | UART_IIR_NO_INT;
}

static uint8_t modem_status(const struct serial *s)
{
	uint8_t msr = 0;

	if (!(s->mcr & UART_MCR_LOOP))
		return UART_MSR_DCD | UART_MSR_DSR | UART_MSR_CTS;

	/* What goes out comes in: this is how Linux finds the port. */
	if (s->mcr & UART_MCR_RTS)
		msr |= UART_MSR_CTS;
	if (s->mcr & UART_MCR_DTR)
		msr |= UART_MSR_DSR;
	if (s->mcr & UART_MCR_OUT1)
		msr |= UART_MSR_RI;
	if (s->mcr & UART_MCR_OUT2)
		msr |= UART_MSR_DCD;
	return msr;
}

static void send_byte(struct serial *s, uint8_t byte)
{
	if (s->mcr & UART_MCR_LOOP)
		push(s, byte);
	else if (write(STDOUT_FILENO, &byte, 1) < 0)
		return;		/* Nobody listens, as with any serial line. */
}

uint8_t serial_read(struct serial *s, unsigned int reg)
{
	uint8_t value = 0;

	pthread_mutex_lock(&s->lock);
	if (reg < 2 && s->lcr & UART_LCR_DLAB) {
		value = s->divisor[reg];
		goto unlock;
	}
	switch (reg) {
	case UART_RX:
		value = pop(s);
		break;
	case UART_IER:
		value = s->ier;
		break;
	case UART_IIR:
		value = identify(s);
		break;
	case UART_LCR:
		value = s->lcr;
		break;
	case UART_MCR:
		value = s->mcr;
		break;
	case UART_LSR:
		value = UART_LSR_TEMT | UART_LSR_THRE;
		if (s->count)
			value |= UART_LSR_DR;
		if (s->overrun)
			value |= UART_LSR_OE;
		s->overrun = false;
		break;
	case UART_MSR:
		value = modem_status(s);
		break;
	case UART_SCR:
		value = s->scr;
		break;
	}
unlock:
	update_irq(s);
	pthread_mutex_unlock(&s->lock);
	return value;
}

void serial_write(struct serial *s, unsigned int reg, uint8_t value)
{
	pthread_mutex_lock(&s->lock);
	if (reg < 2 && s->lcr & UART_LCR_DLAB) {
		s->divisor[reg] = value;
		goto unlock;
	}
	switch (reg) {
	case UART_TX:
		send_byte(s, value);
		/* It is gone, so there is room for the next one. */
		s->sent = true;
		break;
	case UART_IER:
		/* Who begins to wait for room is told that there is some. */
		if (value & ~s->ier & UART_IER_THRI)
			s->sent = true;
		s->ier = value & 0x0f;
		break;
	case UART_FCR:
		s->fcr = value;
		if (value & UART_FCR_CLEAR_RCVR)
			while (s->count)
				pop(s);
		break;
	case UART_LCR:
		s->lcr = value;
		break;
	case UART_MCR:
		s->mcr = value;
		break;
	case UART_SCR:
		s->scr = value;
		break;
	}
unlock:
	update_irq(s);
	pthread_mutex_unlock(&s->lock);
}

void serial_receive(struct serial *s, uint8_t byte, bool wait)
{
	pthread_mutex_lock(&s->lock);
	while (wait && s->count == SERIAL_FIFO)
		pthread_cond_wait(&s->room, &s->lock);
	/* As for the hardware: what has no room is lost, and that is told. */
	if (s->count == SERIAL_FIFO)
		s->overrun = true;
	push(s, byte);
	update_irq(s);
	pthread_mutex_unlock(&s->lock);
}

void serial_init(struct serial *s, int vm)
{
	memset(s, 0, sizeof(*s));
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->room, NULL);
	s->vm = vm;
}
