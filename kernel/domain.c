// SPDX-License-Identifier: GPL-2.0
/*
 * Domains: who may create names that begin with a certain component.
 *
 * A domain exists while a region has a name in it, or while it is reserved.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/slab.h>

#include "device.h"

#define to_domain(rb)	rb_entry(rb, struct vmshm_domain_entry, node)

/* The first component of a name. */
struct vmshm_domain_key {
	const char *name;
	size_t len;
};

static int vmshm_domain_key_cmp(const void *key, const struct rb_node *rb)
{
	const struct vmshm_domain_key *k = key;

	return vmshm_domain_cmp(k->name, k->len, to_domain(rb)->name);
}

static bool vmshm_domain_less(struct rb_node *a, const struct rb_node *b)
{
	return strcmp(to_domain(a)->name, to_domain(b)->name) < 0;
}

static size_t vmshm_domain_bytes(size_t len)
{
	return sizeof(struct vmshm_domain_entry) + len + 1;
}

static struct vmshm_domain_entry *
vmshm_domain_find(struct vmshm_registry *registry,
		  const struct vmshm_domain_key *key)
{
	struct rb_node *rb;

	rb = rb_find(key, &registry->domains, vmshm_domain_key_cmp);
	return rb ? to_domain(rb) : NULL;
}

static struct vmshm_domain_entry *
vmshm_domain_add(struct vmshm_registry *registry,
		 const struct vmshm_domain_key *key, kuid_t owner)
{
	struct vmshm_domain_entry *domain;

	domain = kzalloc(vmshm_domain_bytes(key->len), GFP_KERNEL_ACCOUNT);
	if (!domain)
		return NULL;
	domain->owner = owner;
	memcpy(domain->name, key->name, key->len);
	rb_add(&domain->node, &registry->domains, vmshm_domain_less);
	return domain;
}

/* Frees a domain that nothing keeps. */
static void vmshm_domain_prune(struct vmshm_registry *registry,
			       struct vmshm_domain_entry *domain)
{
	if (domain->regions || domain->user)
		return;
	rb_erase(&domain->node, &registry->domains);
	kfree(domain);
}

static void vmshm_domain_uncharge(struct vmshm_user *user, size_t len)
{
	vmshm_uncharge_meta(user, vmshm_domain_bytes(len));
	vmshm_user_put(user);
}

static bool vmshm_domain_is_mine(const struct vmshm_registry *registry,
				 const struct vmshm_domain_entry *domain)
{
	return uid_eq(domain->owner, current_fsuid()) ||
	       ns_capable(registry->user_ns, CAP_SYS_ADMIN);
}

/*
 * Not the one that devices come up in: whoever had made it first could take
 * their names, and unlink what others have in it.
 */
static bool vmshm_domain_is_free(const struct vmshm_registry *registry,
				 const struct vmshm_domain_key *key)
{
	return registry->user_ns != &init_user_ns ||
	       vmshm_domain_cmp(key->name, key->len, VMSHM_DEVICE_DOMAIN) ||
	       capable(CAP_SYS_ADMIN);
}

/**
 * vmshm_domain_owner() - whose domain is a name in?
 * @registry: where
 * @name: a name, or the beginning of one that its domain is a whole component of
 *
 * Context: registry->lock held, for reading at least.
 * Return: the owner, or INVALID_UID if there is no such domain.
 */
kuid_t vmshm_domain_owner(struct vmshm_registry *registry, const char *name)
{
	struct vmshm_domain_key key = { name, vmshm_name_domain_len(name) };
	struct vmshm_domain_entry *domain;

	lockdep_assert_held(&registry->lock);
	domain = vmshm_domain_find(registry, &key);
	return domain ? domain->owner : INVALID_UID;
}

/**
 * vmshm_domain_may_create() - may the current task create this name?
 * @registry: where
 * @name: a valid name
 *
 * Context: registry->lock held, for reading at least.
 * Return: 0, or -EACCES if the domain belongs to somebody else or is that of
 * devices.
 */
int vmshm_domain_may_create(struct vmshm_registry *registry, const char *name)
{
	struct vmshm_domain_key key = { name, vmshm_name_domain_len(name) };
	struct vmshm_domain_entry *domain;

	lockdep_assert_held(&registry->lock);
	domain = vmshm_domain_find(registry, &key);
	if (!domain)
		return vmshm_domain_is_free(registry, &key) ? 0 : -EACCES;
	return vmshm_domain_is_mine(registry, domain) ? 0 : -EACCES;
}

/**
 * vmshm_domain_join() - count a new name in its domain
 * @registry: where
 * @name: a valid name
 *
 * A domain that does not exist yet is made, and is the current task's user's.
 *
 * Context: registry->lock held for writing; may sleep.
 * Return: the domain, or an ERR_PTR: -EACCES if it belongs to somebody else or
 * is that of devices, -ENOMEM.
 */
struct vmshm_domain_entry *vmshm_domain_join(struct vmshm_registry *registry,
					     const char *name)
{
	struct vmshm_domain_key key = { name, vmshm_name_domain_len(name) };
	struct vmshm_domain_entry *domain;

	lockdep_assert_held_write(&registry->lock);
	domain = vmshm_domain_find(registry, &key);
	if (!domain) {
		if (!vmshm_domain_is_free(registry, &key))
			return ERR_PTR(-EACCES);
		domain = vmshm_domain_add(registry, &key, current_fsuid());
		if (!domain)
			return ERR_PTR(-ENOMEM);
	} else if (!vmshm_domain_is_mine(registry, domain)) {
		return ERR_PTR(-EACCES);
	}
	domain->regions++;
	return domain;
}

/**
 * vmshm_domain_leave() - undo vmshm_domain_join()
 * @registry: where
 * @domain: the domain; must not be used any more
 *
 * Context: registry->lock held for writing.
 */
void vmshm_domain_leave(struct vmshm_registry *registry,
			struct vmshm_domain_entry *domain)
{
	lockdep_assert_held_write(&registry->lock);
	domain->regions--;
	vmshm_domain_prune(registry, domain);
}

/**
 * vmshm_domains_free() - free the domains of a registry that nobody uses
 * @registry: the registry; no region has a name in it
 *
 * Context: nobody else has a reference to @registry.
 */
void vmshm_domains_free(struct vmshm_registry *registry)
{
	struct vmshm_domain_entry *domain, *next;

	rbtree_postorder_for_each_entry_safe(domain, next, &registry->domains,
					     node) {
		vmshm_domain_uncharge(domain->user, strlen(domain->name));
		kfree(domain);
	}
	registry->domains = RB_ROOT;
}

static int vmshm_domain_reserve(struct vmshm_registry *registry,
				const struct vmshm_domain_key *key,
				kuid_t owner)
{
	struct vmshm_domain_entry *domain;
	struct vmshm_user *user;
	int err;

	user = vmshm_user_get(registry->user_ns);
	if (IS_ERR(user))
		return PTR_ERR(user);
	err = vmshm_charge_meta(user, vmshm_domain_bytes(key->len));
	if (err) {
		vmshm_user_put(user);
		return err;
	}

	down_write(&registry->lock);
	domain = vmshm_domain_find(registry, key);
	if (!domain)
		domain = vmshm_domain_add(registry, key, owner);
	if (domain) {
		domain->owner = owner;
		/* If it was reserved already, the old charge is undone. */
		swap(domain->user, user);
	} else {
		err = -ENOMEM;
	}
	up_write(&registry->lock);

	if (user)
		vmshm_domain_uncharge(user, key->len);
	return err;
}

static int vmshm_domain_release(struct vmshm_registry *registry,
				const struct vmshm_domain_key *key)
{
	struct vmshm_domain_entry *domain;
	struct vmshm_user *user = NULL;

	down_write(&registry->lock);
	domain = vmshm_domain_find(registry, key);
	if (domain) {
		swap(domain->user, user);
		vmshm_domain_prune(registry, domain);
	}
	up_write(&registry->lock);

	if (!user)
		return -ENOENT;
	vmshm_domain_uncharge(user, key->len);
	return 0;
}

/**
 * vmshm_ioctl_domain() - VMSHM_IOC_DOMAIN
 * @ucmd: on a file of the device, with struct vmshm_domain
 *
 * Context: process.
 * Return: 0 or a negative error, see the uapi header.
 */
int vmshm_ioctl_domain(struct vmshm_ucmd *ucmd)
{
	struct vmshm_registry *registry = vmshm_device_registry(ucmd->file);
	struct vmshm_domain *arg = ucmd->arg;
	struct vmshm_domain_key key;
	kuid_t owner;
	int len;

	if (arg->flags)
		return -EOPNOTSUPP;
	if (arg->op != VMSHM_DOMAIN_RESERVE && arg->op != VMSHM_DOMAIN_RELEASE)
		return -EOPNOTSUPP;
	len = vmshm_domain_check(arg->name, sizeof(arg->name));
	if (len < 0)
		return len;
	owner = make_kuid(current_user_ns(), arg->uid);
	if (arg->op == VMSHM_DOMAIN_RELEASE ? !!arg->uid : !uid_valid(owner))
		return -EINVAL;
	key.name = arg->name;
	key.len = len;

	if (!ns_capable(registry->user_ns, CAP_SYS_ADMIN))
		return -EPERM;
	if (arg->op == VMSHM_DOMAIN_RELEASE)
		return vmshm_domain_release(registry, &key);
	return vmshm_domain_reserve(registry, &key, owner);
}
