// SPDX-License-Identifier: GPL-2.0
/*
 * A process of the demonstration: maps a region by name, leaves a message in its
 * own part, reads those of the others, and says what it is told of the region.
 *
 *	peer REGION ME SLOT OTHER OTHER-SLOT
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <vmshm/vmshm.h>

#define PAGE	4096

static const char *me;

static void check(int rc, const char *what)
{
	if (rc >= 0)
		return;
	printf("%s: cannot %s: %s\n", me, what, vmshm_error_message(rc));
	exit(1);
}

/* The text that @slot's owner leaves; waits for it. */
static const char *text_of(char *ram, unsigned int slot)
{
	volatile char *text = ram + slot * PAGE;

	while (!*text)
		usleep(1000);
	/* The first byte is written last. */
	__sync_synchronize();
	return ram + slot * PAGE;
}

static void say_in(char *ram, unsigned int slot)
{
	char text[64];

	snprintf(text, sizeof(text), "hello from %s", me);
	strcpy(ram + slot * PAGE + 1, text + 1);
	__sync_synchronize();
	ram[slot * PAGE] = text[0];
}

static void told(const struct vmshm_region *region,
		 const struct vmshm_event *event)
{
	void *ram;

	switch (event->type) {
	case VMSHM_EVENT_RESIZED:
		check(vmshm_region_map(region, NULL, event->value,
				       PROT_READ | PROT_WRITE, MAP_SHARED, 0,
				       &ram), "map");
		((char *)ram)[event->value - 1] = 1;
		printf("%s: was told: it has grown from %llu to %llu bytes;",
		       me, event->old_value, event->value);
		puts(" I have written the last of them");
		break;
	case VMSHM_EVENT_EXIT:
		printf("%s: was told: process %d, which had it open, has ended\n",
		       me, event->pid);
		break;
	default:
		break;
	}
}

int main(int argc, char **argv)
{
	struct vmshm_watcher_options options = {
		.size = sizeof(options),
		.events = 1U << VMSHM_EVENT_RESIZED | 1U << VMSHM_EVENT_EXIT,
	};
	const struct vmshm_event *event;
	struct vmshm_watcher *watcher;
	struct vmshm_context *context;
	struct vmshm_region *region;
	struct vmshm_stat stat;
	void *ram;
	int rc;

	if (argc != 6)
		return 2;
	me = argv[2];
	setvbuf(stdout, NULL, _IOLBF, 0);
	check(vmshm_context_open(NULL, &context), "open the device");
	check(vmshm_region_open(context, argv[1], NULL, &region), "open it");
	check(vmshm_watcher_open_region(region, &options, &watcher), "watch");
	check(vmshm_region_stat(region, &stat, sizeof(stat)), "look at it");
	check(vmshm_region_map(region, NULL, stat.out_region_size,
			       PROT_READ | PROT_WRITE, MAP_SHARED, 0, &ram),
	      "map it");

	say_in(ram, (unsigned int)atoi(argv[3]));
	printf("%s: process %d reads what %s wrote: '%s'\n", me, getpid(),
	       argv[4], text_of(ram, (unsigned int)atoi(argv[5])));

	while ((rc = vmshm_watcher_next(watcher, &event)) > 0)
		told(region, event);
	check(rc, "go on watching");
	return 0;
}
