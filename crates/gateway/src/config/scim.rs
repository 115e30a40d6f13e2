//! `[scim]`: how much the SCIM endpoint takes, answers and stores. The protocol's defaults are those of [`scim::Limits`].

use super::reader::{Reader, Unit};
use super::server::Memory;
use crate::storage;

/// How much the SCIM endpoint takes, answers and stores.
#[derive(Debug, Clone)]
pub struct Scim {
    /// What the protocol knows.
    pub limits: scim::Limits,
    /// The largest body of a request.
    pub max_body_bytes: usize,
    /// Long requests that one account may have running at once.
    pub long_requests_per_account: u32,
}

pub(super) fn read(r: &mut Reader) -> Option<Scim> {
    let usual = scim::Limits::default();
    let mut s = r.section("scim");
    let default_page = s.number(
        "page_size",
        usual.default_page.into(),
        1..=10_000,
        Unit::None,
        "Resources on a page of a list, where the client names no count.",
    );
    let max_page = s.number(
        "max_page_size",
        usual.max_page.into(),
        1..=10_000,
        Unit::None,
        "The most resources on a page; a larger count of the client is reduced to it.",
    );
    let page_bytes = s.bytes(
        "max_page_kib",
        kib(usual.page_bytes),
        64..=1 << 20,
        Unit::Kib,
        "A page ends early where the next resource would make it larger; the first one is always there. A tenth of \
         server.account_in_flight_mib at most.",
    );
    let max_body_bytes = s.bytes("max_body_kib", 4096, 16..=1 << 20, Unit::Kib, "The largest body of a request.");
    let document_bytes = s.bytes(
        "max_document_kib",
        kib(usual.document_bytes),
        16..=1 << 20,
        Unit::Kib,
        "The largest user or group as it is stored, members apart. What was stored larger stays readable, and is deactivated and deleted \
         at any size.",
    );
    let long_requests_per_account = s.number(
        "long_requests_per_account",
        storage::Limits::default().long_each.into(),
        1..=100,
        Unit::None,
        "Long requests that one account may have running at once in each process: filters that no index answers, groups with all members, \
         changes of many members. At most database.long_connections. More wait up to three seconds, and then get 429 with Retry-After.",
    );
    let (default_page, max_page) = (default_page?, max_page?);
    if default_page > max_page {
        s.warn("page_size", "is more than scim.max_page_size, which a page has at most");
    }
    Some(Scim {
        limits: scim::Limits { default_page, max_page, page_bytes: page_bytes?, document_bytes: document_bytes? },
        max_body_bytes: max_body_bytes?,
        long_requests_per_account: long_requests_per_account?,
    })
}

/// A body that is larger than the memory of its account is never read.
pub(super) fn agree(r: &mut Reader, scim: &Scim, memory: Memory) {
    if scim.max_body_bytes > memory.of_one_account {
        r.warn("scim.max_body_kib: is more than server.account_in_flight_mib, which no larger body gets into");
    }
}

fn kib(bytes: usize) -> u64 {
    bytes as u64 >> 10
}
