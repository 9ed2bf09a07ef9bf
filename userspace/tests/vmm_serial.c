// SPDX-License-Identifier: GPL-2.0
/* vmshm-vmm: its serial port, without a guest. */

#include <pthread.h>
#include <sched.h>

#include <linux/serial_reg.h>

#include "../examples/vmm.h"
#include "mock.h"

/* Nobody reads: who types is not kept waiting, and the guest is told. */
static void overrun(void **state)
{
	struct serial serial;
	unsigned int i;

	(void)state;
	serial_init(&serial, -1);
	for (i = 0; i < SERIAL_FIFO + 2; i++)
		serial_receive(&serial, (uint8_t)i, false);
	assert_int_equal(serial_read(&serial, UART_LSR),
			 UART_LSR_TEMT | UART_LSR_THRE | UART_LSR_DR |
			 UART_LSR_OE);
	/* Once. */
	assert_int_equal(serial_read(&serial, UART_LSR),
			 UART_LSR_TEMT | UART_LSR_THRE | UART_LSR_DR);
	for (i = 0; i < SERIAL_FIFO; i++)
		assert_int_equal(serial_read(&serial, UART_RX), i);
	assert_int_equal(serial_read(&serial, UART_LSR),
			 UART_LSR_TEMT | UART_LSR_THRE);
}

static struct serial waited_for;

static void *receive(void *arg)
{
	unsigned int i;

	for (i = 0; i < 100; i++)
		serial_receive(&waited_for, (uint8_t)i, true);
	return arg;
}

/* What comes out of a file comes complete. */
static void waits(void **state)
{
	unsigned int i = 0;
	pthread_t thread;
	uint8_t lsr;

	(void)state;
	serial_init(&waited_for, -1);
	assert_int_equal(pthread_create(&thread, NULL, receive, NULL), 0);
	while (i < 100) {
		lsr = serial_read(&waited_for, UART_LSR);
		assert_false(lsr & UART_LSR_OE);
		if (lsr & UART_LSR_DR)
			assert_int_equal(serial_read(&waited_for, UART_RX),
					 i++);
		else
			sched_yield();
	}
	pthread_join(thread, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(overrun),
		cmocka_unit_test(waits),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
