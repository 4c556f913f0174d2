#!/usr/bin/env bash
# Lists what is in the container image, and of the program what takes its room, as tables in Markdown, MB of 10^6 bytes.
# Usage: scripts/image-size.sh PROGRAM MAP, the second what the linker (lld) wrote for -Map.
set -euo pipefail
program=$1 map=$2
root=$(mktemp -d)
trap 'rm -r "$root"' EXIT
"$(dirname "$0")"/image-root.sh "$program" "$root"

# sums of lines "KEY<tab>BYTES", the largest first, those below 0.05 MB as one
table() {
    printf '| %s | MB |\n|---|--:|\n' "$1"
    awk -F '\t' '{ sum[$1] += $2; all += $2 }
        END {
            for (key in sum) if (sum[key] < 50000) { rest += sum[key]; delete sum[key] }
            for (key in sum) printf "| %s | %.2f |\n", key, sum[key] / 1e6 | "sort -t \"|\" -k 3,3 -rn"
            close("sort -t \"|\" -k 3,3 -rn")
            if (rest) printf "| others | %.2f |\n", rest / 1e6
            printf "| **all** | **%.2f** |\n\n", all / 1e6
        }'
}

find "$root" -type f -printf '/%P\t%s\n' | sed 's|^/usr/share/doc/[^\t]*|licences|; s|^/var/lib/dpkg/[^\t]*|package records|' |
    table "in the image"

size --format=sysv --radix=10 "$root/usr/bin/tusk" | awk '$2 ~ /^[0-9]+$/ && $1 != "Total" && $1 != ".bss" { print $1 "\t" $2 }' |
    table "section of the program"

# Lines of the map: "VMA LMA SIZE ALIGN FILE:(SECTION)" in hexadecimal, and less indented those of the sections.
awk 'function number(hex,  i, value) {
        value = 0
        for (i = 1; i <= length(hex); i++) value = 16 * value + index("0123456789abcdef", substr(hex, i, 1)) - 1
        return value
    }
    $5 ~ /:\(/ && section ~ /^\.(text|rodata|eh_frame|data.rel.ro)$/ {
        file = substr($0, index($0, $5))
        sub(/:\([^()]*\)$/, "", file)
        if (match(file, /[^\/]+\.a\(/)) name = substr(file, RSTART, RLENGTH - 1)
        else if (match(file, /\/[^\/]+\.build\/[^\/]*$/)) { name = substr(file, RSTART + 1); sub(/\.build.*/, "", name) }
        else name = "the linker, the C runtime"
        print name "\t" number($3)
        next
    }
    $0 ~ /^ *[0-9a-f]+ +[0-9a-f]+ +[0-9a-f]+ +[0-9]+ [^ ]/ { section = $5 }' "$map" |
    table "code, constants and unwinding tables of"
