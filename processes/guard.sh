#!/bin/sh
# guard.sh GRACE_SECONDS COMMAND [ARGUMENT…]: runs COMMAND and never lets it outlive the one who started it.
# Standard input is a pipe that the parent holds open and never writes to. When it closes, however the parent ended, COMMAND gets
# TERM and after the grace KILL. TERM, INT and HUP are passed on as TERM; the exit code is COMMAND's. Start it as a process group leader.
grace=$1
shift
command=
asked=
trap 'asked=yes; [ -z "$command" ] || kill -s TERM "$command" 2>/dev/null' TERM INT HUP

exec 3<&0 </dev/null # a background job of sh reads /dev/null: the pipe has to be held as another descriptor
"$@" 3<&- &
command=$!
[ -z "$asked" ] || kill -s TERM "$command"

{
  cat <&3
  kill -s TERM "$command"
  sleep "$grace"
  kill -s KILL -- "-$$"
} >/dev/null 2>&1 &

exec 3<&-
while :; do
  wait "$command"
  code=$?
  kill -0 "$command" 2>/dev/null || break # wait also returns when a signal was passed on
done
trap '' TERM
kill -s TERM -- "-$$" 2>/dev/null # the watcher above, and what COMMAND may have left behind
exit "$code"
