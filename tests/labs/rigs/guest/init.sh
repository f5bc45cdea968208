#!/bin/sh
# PID 1 of the rigs' machine: the host's files read only, all that is written in memory.
# The variables come from the kernel's command line (machine.py).
set -e
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t configfs configfs /sys/kernel/config
mount -t devtmpfs devtmpfs /dev 2>/dev/null || true
mkdir -p /dev/shm /dev/pts
mount -t tmpfs tmpfs /dev/shm
mount -t devpts devpts /dev/pts

# What may lie in folders that are covered below keeps a name under /mnt.
mount -t tmpfs tmpfs /mnt
mkdir /mnt/out /mnt/source /mnt/python /mnt/site /mnt/pins
mount -t hostfs out /mnt/out -o "$RIG_OUT"
mount --bind "$RIG_SOURCE" /mnt/source
mount --bind "$RIG_PYTHON" /mnt/python
mount --bind "$RIG_SITE" /mnt/site
mount --bind "$RIG_PINS" /mnt/pins
for folder in /run /tmp /var/lib /opt; do
    mount -t tmpfs tmpfs "$folder"
done

export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp
export PYTHONPATH=/mnt/source:/mnt/source/pi:/mnt/site:/mnt/pins PYTHONDONTWRITEBYTECODE=1
export OPENBLAS_NUM_THREADS=1
exec "/mnt/python/bin/python3" -m "$RIG_PROGRAM"
