#!/usr/bin/env bash
# Runs every test. Installs first what a fresh Debian machine lacks. Arguments go to `cargo test`:
#
#     tests/run.sh                      everything
#     tests/run.sh --test main          the tests of the whole program
#     tests/run.sh --lib journal        the journal's own tests
#
# Needs a Rust toolchain, and root or sudo only where something is missing.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."

has() { command -v "$1" >/dev/null 2>&1; }
can_import() { "$1" -c "import $2" >/dev/null 2>&1; }
can_import_all() { can_import "$1" requests && can_import "$1" jwt && can_import "$1" pika; }
# The modules must all be of one python3: the one in the path, or Debian's.
python_imports() { can_import_all python3 || can_import /usr/bin/python3 "$1"; }

# What the tests call beside cargo, and the package that has it.
missing=()
has cc || missing+=(gcc libc6-dev)         # links the program; compiles its cryptography
has python3 || missing+=(python3)          # other people's clients of the simulated console
python_imports requests || missing+=(python3-requests)
python_imports jwt || missing+=(python3-jwt) # signs what is asked of Apex Central
python3 -m pip --version >/dev/null 2>&1 || missing+=(python3-pip) # two libraries that no Debian package has
python_imports pika || missing+=(python3-pika) # consumes an event stream
has ssh-keygen || missing+=(openssh-client)    # signs plans, and checks what we have signed
has script || missing+=(bsdutils)          # a terminal for the prompts and the progress bar
has mount || missing+=(mount)              # a small disk that runs full
has unshare || missing+=(util-linux)       # a place to mount it without being root
[ -x /usr/lib/rabbitmq/bin/rabbitmq-server ] || missing+=(rabbitmq-server) # a broker that is killed and frozen
has chromium-headless-shell || has chromium || missing+=(chromium-headless-shell) # opens the page of a report
has node || missing+=(nodejs)              # holds a report against a schema that is published as a module
has npm || missing+=(npm)                  # fetches that schema
[ -e /etc/ssl/certs/ca-certificates.crt ] || missing+=(ca-certificates) # what `ca_file` is added to

if [ "${#missing[@]}" -gt 0 ]; then
    if ! has apt-get; then
        echo "tests/run.sh: this machine has no apt-get; install by hand what these Debian packages have: ${missing[*]}" >&2
        exit 1
    fi
    as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        if ! has sudo; then
            echo "tests/run.sh: missing: ${missing[*]}; install them as root, or install sudo" >&2
            exit 1
        fi
        as_root=(sudo)
    fi
    echo "tests/run.sh: installing ${missing[*]}" >&2
    export DEBIAN_FRONTEND=noninteractive
    "${as_root[@]}" apt-get update -qq </dev/null >&2
    # The tests start a broker of their own, so the one of the package must not be started: it would listen for everybody.
    policy=/usr/sbin/policy-rc.d
    if [ -e "$policy" ]; then
        policy=
    else
        trap '"${as_root[@]}" rm -f -- "$policy"' EXIT
        printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" install -m 755 /dev/stdin "$policy"
    fi
    "${as_root[@]}" env RUNLEVEL=1 apt-get install -y -qq --no-install-recommends "${missing[@]}" </dev/null >&2
    if [ -n "$policy" ]; then
        "${as_root[@]}" rm -f -- "$policy"
        trap - EXIT
    fi
fi

# A python3 from elsewhere may stand before Debian's in the path and know nothing of Debian's packages.
if ! can_import_all python3; then
    if ! can_import_all /usr/bin/python3; then
        echo "tests/run.sh: python3 lacks one of the modules \`requests\`, \`jwt\` and \`pika\`" >&2
        exit 1
    fi
    shelf=$(mktemp -d)
    trap 'rm -r -- "$shelf"' EXIT
    ln -s /usr/bin/python3 "$shelf/python3"
    export PATH="$shelf:$PATH"
fi

# Libraries that no Debian package has, or only older ones: what scripts for firewalls use, and what reports are held against.
books=$PWD/target/python-$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')
export PYTHONPATH="$books${PYTHONPATH:+:$PYTHONPATH}"
if ! python3 -c "import netmiko, fortigate_api, ocsf_json_schema, jsonschema, markdown_it, linkify_it" >/dev/null 2>&1; then
    echo "tests/run.sh: installing libraries of Python for the tests alone" >&2
    python3 -m pip install --quiet --disable-pip-version-check --upgrade --target "$books" \
        "netmiko==4.8.0" "fortigate-api==2.0.8" \
        "ocsf-json-schema==1.2.0" "jsonschema==4.26.0" "markdown-it-py==4.3.0" "linkify-it-py==2.0.3" >&2
fi
export ECS_SCHEMA=$PWD/target/ecs-9.4.0/node_modules/@elastic/ecs
if [ ! -e "$ECS_SCHEMA/package.json" ]; then
    echo "tests/run.sh: installing @elastic/ecs for the tests alone" >&2
    npm install --silent --no-audit --no-fund --no-save --ignore-scripts --prefix "$PWD/target/ecs-9.4.0" "@elastic/ecs@9.4.0" >&2
fi

# Not `--all-targets`: that would leave the documentation's examples out, and run the benchmark.
cargo test --locked "$@"
