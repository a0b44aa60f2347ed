#!/usr/bin/env bash
# Builds the fuzz targets with the stable toolchain and runs each: run.sh build | runs N (for 20 seconds at most) | seconds N
#
# libFuzzer finds its way by coverage counters, which stable rustc can insert through LLVM; the address sanitizer, which it cannot, would add
# little to code without `unsafe`. What was found once stays in corpus/ (not in git); a crash is written to artifacts/ with its input.
set -euo pipefail
cd "$(dirname "$0")"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/../../target}/fuzz"
counters='-Cpasses=sancov-module'
for argument in level=4 inline-8bit-counters pc-table trace-compares; do
  counters+=" -Cllvm-args=-sanitizer-coverage-$argument"
done
# Without the explicit target the flags would also reach build scripts, which have nobody to count for.
host=$(rustc -vV | sed -n 's/^host: //p')
RUSTFLAGS="--cfg fuzzing $counters -Ccodegen-units=1" cargo build --quiet --release --locked --target "$host"
[[ ${1:-build} == build ]] && exit 0

samples="${NHIPCAU_CORPORA:-../../../shared/corpora}/datagrams"

# Bytes written as hexadecimal digits.
bytes() { printf "$(sed 's/../\\x&/g' <<<"$1")"; }

# A file or words of hexadecimal digits as pieces: each with its length in two bytes.
piece() {
  local length
  length=$(stat -c %s "$1")
  ((length < 65536)) || return 0
  bytes "$(printf %04x "$length")"
  cat "$1"
}
words() {
  local word
  for word in "$@"; do bytes "$(printf '%04x%s' $((${#word} / 2)) "$word")"; done
}

# Seeds of a target: `whole` inputs, or inputs in `pieces`.
written() {
  local line number=0
  while read -r line; do
    [[ $line != '#'* ]] || continue
    if [[ $2 == pieces ]]; then words $line; else bytes "$line"; fi >"$seeds/written-$((number += 1))"
  done <"seeds/$1.hex"
}
sampled() {
  local datagram
  if [[ ! -d $samples/$1 ]]; then
    echo "SKIPPED: seeds of $target: no corpora at $samples/$1"
    return
  fi
  for datagram in "$samples/$1"/*.bin; do
    if [[ $2 == pieces ]]; then piece "$datagram"; else cat "$datagram"; fi >"$seeds/${datagram##*/}"
  done
}

for target in trap response profile rtp rtcp stun dtls sdp signalling; do
  corpus="corpus/$target" seeds=$(mktemp -d)
  mkdir -p "$corpus" artifacts
  case $target in
    trap) sampled snmp whole ;;
    response)
      sampled snmp pieces
      # A family, and the same answer to the first questions.
      for seed in "$seeds"/*; do
        [[ -s $seed ]] || continue
        { printf '\1'; cat "$seed" "$seed" "$seed" "$seed"; } >"$seeds.four"
        mv "$seeds.four" "$seed"
      done
      ;;
    profile) cp ../../inventory/profiles/*.yaml "$seeds" ;;
    rtp | dtls) written "$target" pieces; sampled "$target" pieces ;;
    stun) written stun whole; sampled stun whole ;;
    rtcp) written rtcp whole; sampled rtp whole ;;
    *) cp "seeds/$target"/* "$seeds" ;;
  esac
  case $1 in
    runs) limit=("-runs=$2" -max_total_time=20) ;; # Whatever else the machine does.
    seconds) limit=("-max_total_time=$2") ;;
    *) echo "run.sh build | runs N | seconds N" >&2; exit 64 ;;
  esac
  # What the fuzzer tells while it learns is of use only when it found something.
  log="artifacts/$target.log"
  echo "fuzz $target, told in tests/fuzz/$log"
  if ! "$CARGO_TARGET_DIR/$host/release/$target" "$corpus" "$seeds" "${limit[@]}" -max_len=65507 -len_control=100 -timeout=10 -rss_limit_mb=2048 \
    -artifact_prefix="artifacts/$target-" -print_final_stats=1 -verbosity=0 >"$log" 2>&1; then
    tail -n 60 "$log"
    echo "fuzz $target: the input that did it is in tests/fuzz/artifacts" >&2
    exit 1
  fi
  rm -rf "$seeds"
  echo "fuzz $target: $(sed -n 's/^stat::\(number_of_executed_units\|peak_rss_mb\): */\1 /p' "$log" | paste -sd ' ')"
done
