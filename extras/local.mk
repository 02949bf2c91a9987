EXTRA_DIST += \
	extras/clinkerctl.bash-completion \
	extras/clinkerd.service \
	extras/clinkerd.conf \
	extras/clinkerd.logrotate
