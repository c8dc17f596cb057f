#!/bin/bash
# Postfix as it takes mail into its queue, and holds it there: intake, and no delivery. $1: an empty directory, $2: a port.
# Everything it starts ends with it, by the namespace of processes that unshare(1) gives it.
set -eu
dir=$1 port=$2
chmod 755 "$dir"
mkdir "$dir/queue" "$dir/data"
chown "$(postconf -dh mail_owner)" "$dir/data"
cat >"$dir/main.cf" <<EOF
compatibility_level = 3.6
config_directory = $dir
queue_directory = $dir/queue
data_directory = $dir/data
maillog_file = $dir/log
maillog_file_prefixes = $dir
myhostname = postfix.test
mydestination = bench.test
local_recipient_maps =
inet_interfaces = loopback-only
inet_protocols = ipv4
alias_maps =
alias_database =
smtpd_peername_lookup = no
smtpd_client_restrictions = check_client_access static:HOLD
smtpd_relay_restrictions = reject_unauth_destination
smtpd_client_connection_count_limit = 0
default_process_limit = 300
EOF
cat >"$dir/master.cf" <<EOF
127.0.0.1:$port inet n - n - - smtpd
pickup   unix n - n 60 1 pickup
cleanup  unix n - n - 0 cleanup
qmgr     unix n - n 300 1 qmgr
rewrite  unix - - n - - trivial-rewrite
bounce   unix - - n - 0 bounce
defer    unix - - n - 0 bounce
trace    unix - - n - 0 bounce
proxymap unix - - n - - proxymap
local    unix - n n - - local
retry    unix - - n - - error
showq    unix n - n - - showq
anvil    unix - - n - 1 anvil
postlog  unix-dgram n - n - 1 postlogd
EOF
echo "port $port"
# A shell between the two: Postfix changes users, and the kernel then forgets whose end is to be its own.
exec unshare --pid --fork --kill-child sh -c 'postfix -c "$0" start-fg; :' "$dir" >/dev/null 2>&1
