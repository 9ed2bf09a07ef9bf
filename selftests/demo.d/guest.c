// SPDX-License-Identifier: GPL-2.0
/*
 * The guest of the demonstration: the only program of its initramfs. It finds
 * the ivshmem device, reads what a process of the host has written into its
 * memory, and writes three pages of it.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#define DEVICES	"/sys/bus/pci/devices"
#define PAGE	4096
/* Two pages next to each other and one apart. */
#define FIRST	64
#define APART	100

static int read_hex(const char *device, const char *file)
{
	char path[512], text[32] = "";
	int fd;

	snprintf(path, sizeof(path), DEVICES "/%s/%s", device, file);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return -1;
	if (read(fd, text, sizeof(text) - 1) < 0)
		text[0] = 0;
	close(fd);
	return (int)strtol(text, NULL, 16);
}

static char *map_bar(const char *device)
{
	char path[512];
	struct stat st;
	void *bar;
	int fd;

	snprintf(path, sizeof(path), DEVICES "/%s/resource2", device);
	fd = open(path, O_RDWR);
	if (fd < 0 || fstat(fd, &st))
		return NULL;
	bar = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED,
		   fd, 0);
	close(fd);
	return bar == MAP_FAILED ? NULL : bar;
}

static char *find_memory(void)
{
	DIR *dir = opendir(DEVICES);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		if (read_hex(entry->d_name, "vendor") == 0x1af4 &&
		    read_hex(entry->d_name, "device") == 0x1110)
			return map_bar(entry->d_name);
	}
	return NULL;
}

static void run(void)
{
	struct utsname kernel;
	char *memory;

	uname(&kernel);
	memory = find_memory();
	if (!memory) {
		puts("guest: there is no ivshmem device");
		return;
	}
	printf("guest: Linux %s reads from its PCI device: '%s'\n",
	       kernel.release, memory);
	strcpy(memory + FIRST * PAGE, "hello from the guest");
	strcpy(memory + (FIRST + 1) * PAGE, "second page");
	strcpy(memory + APART * PAGE, "third page");
	printf("guest: has written pages %d, %d and %d\n", FIRST, FIRST + 1,
	       APART);
}

int main(void)
{
	mount("none", "/sys", "sysfs", 0, NULL);
	run();
	fflush(stdout);
	reboot(RB_POWER_OFF);
	return 0;
}
