dist_man_MANS += doc/clinkerd.8 doc/clinkerd.conf.5
EXTRA_DIST += \
	doc/architecture.md \
	doc/brick.md \
	doc/locking.md \
	doc/memory.md \
	doc/protocol.md \
	doc/scheduling.md \
	doc/statedump.md
