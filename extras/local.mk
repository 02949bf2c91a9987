EXTRA_DIST += \
	extras/clinkerd.service \
	extras/clinkerd.conf \
	extras/clinkerd.logrotate
