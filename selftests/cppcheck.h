/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel's macros that cppcheck cannot do without, in a shape that it
 * understands: it reads the module's files without the kernel's headers.
 */
#define list_for_each_entry(pos, head, member)				\
	for ((pos) = cppcheck_first(head); (pos); (pos) = cppcheck_next(pos))
#define list_for_each_entry_safe(pos, n, head, member)			\
	for ((pos) = cppcheck_first(head), (n) = cppcheck_next(pos);	\
	     (pos); (pos) = (n), (n) = cppcheck_next(n))
#define list_for_each_entry_rcu(pos, head, ...)				\
	list_for_each_entry(pos, head, node)
#define list_for_each_entry_continue(pos, head, member)			\
	for ((pos) = cppcheck_next(pos); (pos); (pos) = cppcheck_next(pos))
#define list_for_each_entry_from(pos, head, member)			\
	for (; (pos); (pos) = cppcheck_next(pos))
#define list_for_each_entry_reverse(pos, head, member)			\
	list_for_each_entry(pos, head, member)
#define xa_for_each(xa, index, entry)					\
	for ((index) = 0, (entry) = cppcheck_first(xa, &(index)); (entry); \
	     (entry) = cppcheck_next(xa, &(index)))
#define for_each_set_bit(bit, map, size)				\
	for ((bit) = cppcheck_bit(map, size, 0); (bit) < (size);	\
	     (bit) = cppcheck_bit(map, size, (bit) + 1))
#define for_each_set_bitrange(b, e, map, size)				\
	for ((b) = cppcheck_bit(map, size, 0),				\
	     (e) = cppcheck_bit(map, size, b);				\
	     (b) < (size);						\
	     (b) = cppcheck_bit(map, size, e),				\
	     (e) = cppcheck_bit(map, size, b))
#define for_each_clear_bitrange(b, e, map, size)			\
	for_each_set_bitrange(b, e, map, size)
#define list_first_entry(head, type, member)				\
	((type *)cppcheck_first(head))
#define list_first_entry_or_null(head, type, member)			\
	((type *)cppcheck_first(head))
#define hash_for_each_possible(table, pos, member, key)			\
	for ((pos) = cppcheck_first(table, key); (pos);			\
	     (pos) = cppcheck_next(pos))
#define hlist_for_each_entry(pos, head, member)				\
	for ((pos) = cppcheck_first(head); (pos); (pos) = cppcheck_next(pos))
#define rbtree_postorder_for_each_entry_safe(pos, n, root, member)	\
	for ((pos) = cppcheck_first(root), (n) = cppcheck_next(pos);	\
	     (pos); (pos) = (n), (n) = cppcheck_next(n))
#define container_of(ptr, type, member)					\
	((type *)((char *)(ptr) - offsetof(type, member)))
#define rb_entry(ptr, type, member)	container_of(ptr, type, member)
#define hlist_entry(ptr, type, member)	container_of(ptr, type, member)
#define list_entry(ptr, type, member)	container_of(ptr, type, member)
#define module_param_named(name, var, type, perm)
#define module_param(name, type, perm)
