//! `[outbound]`: which addresses this server calls.

use super::reader::Reader;
use crate::platform::outbound::address::AllowedNetworks;

pub(super) fn read(r: &mut Reader) -> Option<AllowedNetworks> {
    let loopback = r.section("outbound").flag(
        "allow_loopback",
        false,
        "Fetch keys of clients, call OpenID providers and send to webhooks also on this machine, and there without TLS too; otherwise on the public \
         internet only. For development and tests: never where strangers register clients.",
    );
    Some(if loopback? { AllowedNetworks::PublicAndLoopback } else { AllowedNetworks::Public })
}
