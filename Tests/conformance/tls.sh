#!/usr/bin/env bash
# Holds the built service's TLS against Mozilla's "intermediate" configuration with sslyze, with an ECDSA and an RSA
# certificate. Needs the openssl command, which makes the certificates.
set -euo pipefail
cd "$(dirname "$0")/../.."

. Tests/conformance/service.sh
sslyze=.build/conformance/bin/sslyze
work=$(mktemp --directory)
trap 'stop_service; rm -rf "$work"' EXIT

# sslyze accepts no certificate that is its own authority, so there is one, and sslyze is told to trust it.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -sha256 -days 90 -subj /CN=authority \
    -addext keyUsage=critical,keyCertSign -keyout "$work/authority-key.pem" -out "$work/authority.pem" 2>/dev/null
cat >"$work/extensions" <<END
basicConstraints = critical, CA:FALSE
extendedKeyUsage = serverAuth
subjectAltName = DNS:localhost
authorityKeyIdentifier = keyid
END

for kind in "ec -pkeyopt ec_paramgen_curve:P-256" "rsa:2048"; do
    # shellcheck disable=SC2086
    openssl req -newkey $kind -nodes -subj /CN=localhost -keyout "$work/key.pem" -out "$work/request.pem" 2>/dev/null
    # Mozilla recommends 90 days and allows 366.
    openssl x509 -req -in "$work/request.pem" -CA "$work/authority.pem" -CAkey "$work/authority-key.pem" -sha256 \
        -days 90 -extfile "$work/extensions" -out "$work/certificate.pem" 2>/dev/null
    chmod 600 "$work/key.pem"
    start_service "$work/output" --tls-certificate "$work/certificate.pem" --tls-key "$work/key.pem"
    port=$(sed -n 's/.* listens on .*:\([0-9]*\)$/\1/p' "$work/output")
    "$sslyze" --mozilla_config=intermediate --certinfo_ca_file "$work/authority.pem" "localhost:$port" \
        >"$work/report" 2>&1 || { cat "$work/report"; exit 1; }
    grep "OK - Compliant" "$work/report" || { cat "$work/report"; exit 1; }
    kill "$server"
    wait "$server"  # it ends well, or this script does not
    server=
done
