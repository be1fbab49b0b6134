//! Operations on users, pairings and the audit log.

use sigil_core::{AuditQuery, PairingStatus};

use super::records::{self, id, paging};
use super::{Run, op, page, walk};
use crate::random::Random;

pub(super) fn operation(random: &mut Random) -> (String, Run) {
    match random.below(5) {
        0..=1 => users(random),
        2..=3 => pairings(random),
        _ => audit(random),
    }
}

fn users(random: &mut Random) -> (String, Run) {
    let user = records::user(random);
    let (id, paging) = (id(random, "u", 6), paging(random));
    match random.below(9) {
        0..=2 => op(format!("create {user:?}"), move |side| side.gateway.users().create(&user)),
        3..=4 => op(format!("update {user:?}"), move |side| side.gateway.users().update(&user)),
        5 => {
            let platform = records::id(random, "platform", 2);
            let identity = records::id(random, "i", 8);
            op(format!("get user {id:?}, {identity:?} on {platform:?}"), move |side| {
                let kind = |error: sigil_core::Error| error.kind();
                let by_identity = side.gateway.users().get_by_identity(&platform, &identity);
                Ok((side.gateway.users().get(&id).map_err(kind), by_identity.map_err(kind)))
            })
        }
        6 => op(format!("list users {paging:?}"), move |side| {
            let list = |paging: &_| side.gateway.users().list(paging);
            Ok((page(list(&paging)?), walk(&paging, list)?))
        }),
        7 => op(format!("delete user {id:?}"), move |side| side.gateway.users().delete(&id)),
        _ => op(format!("forget user {id:?}"), move |side| side.gateway.forget_user(&id, "root")),
    }
}

fn pairings(random: &mut Random) -> (String, Run) {
    let pairing = records::pairing(random);
    let id = id(random, "pair", 14);
    match random.below(8) {
        0..=3 => {
            op(format!("create {pairing:?}"), move |side| side.gateway.pairings().create(&pairing))
        }
        4 => op(format!("pairing of the channel of {pairing:?}"), move |side| {
            side.gateway.pairings().get_by_channel(&pairing.channel_type, &pairing.channel_id)
        }),
        5 => op(format!("pairings of {:?}", pairing.user_id), move |side| {
            side.gateway.pairings().get_by_user(&pairing.user_id)
        }),
        6 => {
            let status = PairingStatus::ALL[random.below(3)];
            op(format!("set {id:?} to {status}"), move |side| {
                side.gateway.pairings().set_status(&id, status)
            })
        }
        // Those with made-up ids too.
        _ => op(format!("delete the pairing of the channel of {pairing:?}"), move |side| {
            let pairings = side.gateway.pairings();
            let found = pairings.get_by_channel(&pairing.channel_type, &pairing.channel_id)?;
            pairings.delete(&found.id)
        }),
    }
}

fn audit(random: &mut Random) -> (String, Run) {
    if random.below(2) == 0 {
        let entry = records::entry(random);
        return op(format!("append {entry:?}"), move |side| side.gateway.audit().append(&entry));
    }
    let some = |random: &mut Random| (random.below(2) == 0).then(|| records::name(random));
    let query = AuditQuery {
        action: some(random),
        actor: some(random),
        session_id: (random.below(2) == 0).then(|| format!("s{}", random.below(3))),
        range: records::range(random),
        paging: paging(random),
        ..AuditQuery::default()
    };
    op(format!("query {query:?}"), move |side| {
        let list = |paging: &_| {
            let query = AuditQuery { paging: Clone::clone(paging), ..query.clone() };
            side.gateway.audit().query(&query)
        };
        Ok((page(list(&query.paging)?), walk(&query.paging, list)?))
    })
}
