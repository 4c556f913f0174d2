# For scripts of this folder to source: starts the built service, waits until it is ready, and stops it by its id.
program=.build/release/tusk
server=

# start_service OUTPUT ARGUMENTS...    OUTPUT: a file that takes what it prints; `server` is its process
start_service() {
    local output=$1
    shift
    : >"$output"
    "$program" serve --port 0 "$@" >"$output" &
    server=$!
    # The service says its address, then that it is ready.
    for _ in $(seq 100); do
        grep -q '^ready' "$output" && break
        kill -0 "$server" 2>/dev/null || { echo "conformance: the service did not start" >&2; exit 1; }
        sleep 0.1
    done
}

stop_service() {
    [ -z "$server" ] || { kill "$server" 2>/dev/null || true; wait "$server" || true; }
    server=
}
