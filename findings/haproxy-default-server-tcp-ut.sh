#!/usr/bin/env bash
# HAProxy 2.6.12 (Debian 12, 2.6.12-1+deb12u4), Linux: tcp-ut on a default-server line is taken without a word, and no server gets it.
#
# Expected: the manual lists tcp-ut among the settings of default-server, "haproxy -c" is content with it there, and its neighbours on that
# line (check, inter, weight) hold for every server below. So connections to the servers have the socket option TCP_USER_TIMEOUT, and one
# to a host that vanished is given up after that time.
# Seen: the option is set on connections to a server whose own line has tcp-ut, and never for the same word on default-server. Requests in
# flight to a host that vanished then wait for "timeout server".
#
# Unpacks the packages haproxy and strace in a temporary folder; strace counts the calls. HAProxy and the server behind it, of the standard
# library, listen on loopback. Fails when what is seen changes.
set -euo pipefail
folder=$(mktemp -d)
haproxy= server=
trap 'kill $haproxy $server 2> /dev/null || true; wait; rm -rf "$folder"' EXIT
cd "$folder"
chmod 755 .
apt-get download haproxy=2.6.12-1+deb12u4 strace > /dev/null 2>&1
for package in *.deb; do dpkg --extract "$package" .; done
[[ $(usr/sbin/haproxy -v) == 'HAProxy version 2.6.12-'* ]] || { echo "another version of HAProxy" >&2; exit 1; }

python3 - 2> requests <<'PYTHON' &
import http.server

server = http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
open("port", "w").write(str(server.server_port))
server.serve_forever()
PYTHON
server=$!
until [ -s port ]; do sleep 0.1; done

# calls DEFAULT OWN    how often HAProxy sets TCP_USER_TIMEOUT for one request, with these words on default-server and on the server's line
calls() {
    cat > haproxy.cfg <<END
defaults
    mode http
    timeout connect 5s
    timeout client 5s
    timeout server 5s
frontend one
    bind unix@$folder/socket
    default_backend two
backend two
    default-server weight 10 $1
    server a 127.0.0.1:$(cat port) $2
END
    usr/sbin/haproxy -c -f haproxy.cfg > check 2>&1
    ! grep -qi 'warning\|alert' check
    usr/bin/strace --daemonize --follow-forks --quiet=all --trace=setsockopt --output=trace usr/sbin/haproxy -f haproxy.cfg > log 2>&1 &
    haproxy=$!
    until [ -S socket ]; do sleep 0.1; done
    curl --silent --fail --retry 20 --retry-connrefused --retry-delay 1 --unix-socket socket http://localhost/port > answer
    cmp -s answer port
    kill "$haproxy"
    wait "$haproxy" || true
    haproxy=
    rm -f socket
    grep -c 'TCP_USER_TIMEOUT, \[3000\]' trace || true
}
own=$(calls "" "tcp-ut 3s")
inherited=$(calls "tcp-ut 3s" "")
echo "TCP_USER_TIMEOUT set for one request: $own with tcp-ut on the server's line, $inherited on default-server"
[ "$own" -ge 1 ] && [ "$inherited" -eq 0 ]
echo "as described"
