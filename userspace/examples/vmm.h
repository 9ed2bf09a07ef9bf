/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A small VMM whose guest has its RAM in a region: one vCPU, a serial port, a
 * Linux kernel.
 *
 *	vmshm-vmm.c	the VM, its address space, its vCPU
 *	boot.c		what a PC's boot loader does
 *	serial.c	the serial port
 *
 * Functions return 0 or a negative errno value.
 */
#ifndef VMSHM_EXAMPLES_VMM_H
#define VMSHM_EXAMPLES_VMM_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <linux/kvm.h>

#include <vmshm/space.h>

/* COM1 */
#define SERIAL_PORT	0x3f8
#define SERIAL_IRQ	4
#define SERIAL_FIFO	16

/**
 * struct serial - a 16550A
 * @lock: protects the rest
 * @room: signalled when @fifo is no longer full
 * @vm: whose interrupt it raises
 * @irq: whether it is raised
 * @overrun: a byte came that had no room
 * @sent: a byte was sent, and nobody has been told
 * @ier: interrupts that are wanted
 * @fcr: FIFOs on
 * @lcr: line control
 * @mcr: modem control
 * @scr: scratch
 * @divisor: of the baud rate, of no effect
 * @fifo: what was typed
 * @head: the oldest byte in it
 * @count: how many there are
 */
struct serial {
	pthread_mutex_t lock;
	pthread_cond_t room;
	int vm;
	bool irq;
	bool overrun;
	bool sent;
	uint8_t ier;
	uint8_t fcr;
	uint8_t lcr;
	uint8_t mcr;
	uint8_t scr;
	uint8_t divisor[2];
	uint8_t fifo[SERIAL_FIFO];
	unsigned int head;
	unsigned int count;
};

/**
 * struct vm - the virtual machine
 * @fd: the VM
 * @vcpu: its vCPU
 * @run: what the vCPU tells when it stops
 * @space: its guest-physical address space
 * @ram_size: bytes of RAM
 * @serial: its serial port
 */
struct vm {
	int fd;
	int vcpu;
	struct kvm_run *run;
	struct vmshm_space *space;
	uint64_t ram_size;
	struct serial serial;
};

/* RAM of a PC has a gap for devices: what is beyond 3 GiB comes after 4 GiB. */
#define RAM_LOW_END	0xc0000000ULL
#define RAM_HIGH	0x100000000ULL

/* Guest memory: @length bytes at guest-physical @address, NULL if there are none. */
void *vm_memory(const struct vm *vm, uint64_t address, uint64_t length);

/* Loads a kernel, and points the vCPU to its entry. @initrd may be NULL. */
int boot_linux(struct vm *vm, const char *kernel, const char *initrd,
	       const char *command_line);

void serial_init(struct serial *serial, int vm);
uint8_t serial_read(struct serial *serial, unsigned int reg);
void serial_write(struct serial *serial, unsigned int reg, uint8_t value);
/* Something was typed; @wait: while the guest has no room for it. */
void serial_receive(struct serial *serial, uint8_t byte, bool wait);

#endif /* VMSHM_EXAMPLES_VMM_H */
