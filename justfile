# What people type. CI runs `.ci/run`, which holds the same checks.

# Everything CI checks, with whatever databases are installed.
check: format lint docs dependencies test

format:
    cargo fmt --all --check

lint:
    cargo clippy --workspace --all-targets --locked -- -D warnings

docs:
    RUSTDOCFLAGS="-D warnings -A rustdoc::private-intra-doc-links" cargo doc --workspace --no-deps --document-private-items --locked

dependencies:
    .ci/dependencies

# Needs a network that reaches the RustSec database, or a copy of it: `just advisories DIRECTORY`.
advisories *directory:
    .ci/advisories {{directory}}

# What deploy/ has, read by the programs that it is for.
deployment:
    .ci/schema
    .ci/nginx
    .ci/haproxy
    .ci/prometheus
    .ci/helm
    .ci/deploy

test:
    cargo test --workspace

# The same with PostgreSQL's absence a failure.
check-postgres: format lint docs dependencies
    CI=true cargo test --workspace

# Writes docs/conformance.md anew: after a test that carries the number of a statement came, went or changed its name.
conformance:
    .ci/conformance write

# Other people's SCIM testers against the built server.
scim2-tester:
    cargo build --package gateway
    .ci/scim2-tester

# One story, on both databases: `just story deactivating_the_service_account`.
story name:
    cargo test --package gateway --test stories -- {{name}}

serve:
    cargo run --release -- serve

demo:
    cargo run --release -- demo
