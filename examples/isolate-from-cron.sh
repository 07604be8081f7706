#!/bin/sh
# Isolates the hosts of a list without anybody at a terminal, as cron or a runbook does.
#
#     examples/isolate-from-cron.sh LIST COUNT TICKET
#
# COUNT is how many hosts the list is known to name: if it names more or fewer today, nothing is sent. The results go to
# standard output as JSON Lines. The exit code is that of edrctl.
set -u
list=$1 count=$2 ticket=$3

edrctl isolate --vendor cisco --quiet -o jsonl \
    --expect-count "$count" --wait=5m --max-wait 10m --ticket "$ticket" "$list"
code=$?

# Stopped early: once more, from where it stands. What was asked for and not answered is looked at first.
if [ "$code" -eq 7 ]; then
    edrctl resume latest --yes --quiet -o jsonl --wait=5m
    code=$?
fi

case $code in
    0) ;;                                                            # every host is isolated, and that is proved
    5) echo "nothing was sent: the list does not name $count hosts" >&2 ;;
    6) echo "some hosts are not isolated: edrctl runs show" >&2 ;;
    7) echo "stopped early again: edrctl resume" >&2 ;;
    *) echo "edrctl ended with $code" >&2 ;;
esac
exit "$code"
