// SPDX-License-Identifier: GPL-2.0
/*
 * Follows the network devices of a machine: how often each comes up and goes down, and for how long it was up.
 *
 * A small module as one finds them outside the kernel's tree. It needs no hardware and no other module. What it is for here are
 * its types: some of its own, which embed and point to types of vmlinux, and so end up in its split BTF.
 */
#include <linux/jiffies.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/netdevice.h>
#include <linux/notifier.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <net/net_namespace.h>

enum modbtf_probe_state {
	MODBTF_PROBE_DOWN,
	MODBTF_PROBE_UP,
	MODBTF_PROBE_GONE,
};

struct modbtf_probe_link;

/* What is done when a link changes. */
struct modbtf_probe_ops {
	void	(*enter)(struct modbtf_probe_link *link, unsigned long now);
	bool	(*is_busy)(const struct modbtf_probe_link *link);
	const char *name;
};

/* One device that is followed. */
struct modbtf_probe_link {
	struct list_head		node;
	struct net_device		*dev;
	const struct modbtf_probe_ops	*ops;
	enum modbtf_probe_state		state;
	u8				flaps:4;
	u8				noisy:1;
	unsigned long			since;
	u64				up_jiffies;
	struct delayed_work		settle;
};

struct modbtf_probe_counters {
	u64	events;
	u64	ignored;
};

static DEFINE_PER_CPU(struct modbtf_probe_counters, modbtf_probe_counters);
static LIST_HEAD(modbtf_probe_links);
static DEFINE_SPINLOCK(modbtf_probe_lock);

static unsigned int settle_ms = 500;
module_param(settle_ms, uint, 0444);
MODULE_PARM_DESC(settle_ms, "how long after a change flaps are counted, in milliseconds");

static void modbtf_probe_enter_down(struct modbtf_probe_link *link, unsigned long now)
{
	if (link->state == MODBTF_PROBE_UP)
		link->up_jiffies += now - link->since;
	link->state = MODBTF_PROBE_DOWN;
}

static void modbtf_probe_enter_up(struct modbtf_probe_link *link, unsigned long now)
{
	link->state = MODBTF_PROBE_UP;
	link->since = now;
	if (link->flaps < 15)
		link->flaps++;
}

static void modbtf_probe_enter_gone(struct modbtf_probe_link *link, unsigned long now)
{
	modbtf_probe_enter_down(link, now);
	link->state = MODBTF_PROBE_GONE;
	link->dev = NULL;
}

static bool modbtf_probe_is_up(const struct modbtf_probe_link *link)
{
	return link->dev && netif_running(link->dev);
}

static bool modbtf_probe_never(const struct modbtf_probe_link *link)
{
	return false;
}

static const struct modbtf_probe_ops modbtf_probe_ops[] = {
	[MODBTF_PROBE_DOWN] = { modbtf_probe_enter_down, modbtf_probe_is_up, "down" },
	[MODBTF_PROBE_UP] = { modbtf_probe_enter_up, modbtf_probe_is_up, "up" },
	[MODBTF_PROBE_GONE] = { modbtf_probe_enter_gone, modbtf_probe_never, "gone" },
};

static void modbtf_probe_settle(struct work_struct *work)
{
	struct modbtf_probe_link *link = container_of(to_delayed_work(work), struct modbtf_probe_link, settle);

	spin_lock(&modbtf_probe_lock);
	link->noisy = link->flaps > 3 && link->ops->is_busy(link);
	link->flaps = 0;
	spin_unlock(&modbtf_probe_lock);
}

static struct modbtf_probe_link *modbtf_probe_find(const struct net_device *dev)
{
	struct modbtf_probe_link *link;

	list_for_each_entry(link, &modbtf_probe_links, node)
		if (link->dev == dev)
			return link;
	return NULL;
}

static int modbtf_probe_add(struct net_device *dev)
{
	struct modbtf_probe_link *link = kzalloc(sizeof(*link), GFP_KERNEL);

	if (!link)
		return -ENOMEM;
	link->dev = dev;
	link->ops = &modbtf_probe_ops[MODBTF_PROBE_DOWN];
	link->since = jiffies;
	INIT_DELAYED_WORK(&link->settle, modbtf_probe_settle);
	spin_lock(&modbtf_probe_lock);
	list_add_tail(&link->node, &modbtf_probe_links);
	spin_unlock(&modbtf_probe_lock);
	return 0;
}

static void modbtf_probe_enter(struct net_device *dev, enum modbtf_probe_state state)
{
	struct modbtf_probe_link *link;

	spin_lock(&modbtf_probe_lock);
	link = modbtf_probe_find(dev);
	if (link) {
		link->ops = &modbtf_probe_ops[state];
		link->ops->enter(link, jiffies);
		if (state != MODBTF_PROBE_GONE)
			schedule_delayed_work(&link->settle, msecs_to_jiffies(settle_ms));
	}
	spin_unlock(&modbtf_probe_lock);
}

static int modbtf_probe_event(struct notifier_block *block, unsigned long event, void *info)
{
	struct net_device *dev = netdev_notifier_info_to_dev(info);

	this_cpu_inc(modbtf_probe_counters.events);
	switch (event) {
	case NETDEV_REGISTER:
		return notifier_from_errno(modbtf_probe_add(dev));
	case NETDEV_UP:
		modbtf_probe_enter(dev, MODBTF_PROBE_UP);
		break;
	case NETDEV_DOWN:
		modbtf_probe_enter(dev, MODBTF_PROBE_DOWN);
		break;
	case NETDEV_UNREGISTER:
		modbtf_probe_enter(dev, MODBTF_PROBE_GONE);
		break;
	default:
		this_cpu_inc(modbtf_probe_counters.ignored);
	}
	return NOTIFY_DONE;
}

static struct notifier_block modbtf_probe_notifier = {
	.notifier_call	= modbtf_probe_event,
};

static int __init modbtf_probe_init(void)
{
	/* The notifier is told of every device that is there already. */
	return register_netdevice_notifier(&modbtf_probe_notifier);
}

static void __exit modbtf_probe_exit(void)
{
	struct modbtf_probe_link *link, *next;

	/* It is told that every device is gone, so no work is queued from here on. */
	unregister_netdevice_notifier(&modbtf_probe_notifier);
	list_for_each_entry_safe(link, next, &modbtf_probe_links, node) {
		cancel_delayed_work_sync(&link->settle);
		kfree(link);
	}
}

module_init(modbtf_probe_init);
module_exit(modbtf_probe_exit);

MODULE_DESCRIPTION("Follows how network devices come up and go down");
MODULE_LICENSE("GPL");
