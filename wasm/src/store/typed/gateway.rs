//! The methods of a gateway by name. A record that is stored comes back as it was stored.

use sigil_core::{
    AuditEntry, AuditQuery, AuditStore, GatewayStores, Paging, Pairing, PairingStatus,
    PairingStore, User, UserStore,
};

use super::{Answered, Args, answer};

pub(super) fn call(
    gateway: &dyn GatewayStores,
    part: &str,
    call: &str,
    args: &Args<'_>,
) -> Answered {
    match part {
        "users" => users(gateway.users(), call, args),
        "pairings" => pairings(gateway.pairings(), call, args),
        "audit" => audit(gateway.audit(), call, args),
        _ => match call {
            "forgetUser" => {
                let (id, actor): (String, String) = args.parse()?;
                sigil_core::forget_user(gateway, &id, &actor).map(|()| None)
            }
            _ => args.unknown(),
        },
    }
}

fn users(store: &dyn UserStore, call: &str, args: &Args<'_>) -> Answered {
    match call {
        "create" => {
            let mut user: User = args.one()?;
            store.create(&user)?;
            // As they are read.
            user.identities.sort();
            answer(&user)
        }
        "get" => answer(&store.get(&args.one::<String>()?)?),
        "getByIdentity" => {
            let (platform, id): (String, String) = args.parse()?;
            answer(&store.get_by_identity(&platform, &id)?)
        }
        "update" => {
            let user: User = args.one()?;
            store.update(&user)?;
            answer(&store.get(&user.id)?)
        }
        "list" => answer(&store.list(&args.one::<Paging>()?)?),
        "delete" => store.delete(&args.one::<String>()?).map(|()| None),
        _ => args.unknown(),
    }
}

fn pairings(store: &dyn PairingStore, call: &str, args: &Args<'_>) -> Answered {
    match call {
        "create" => answer(&store.create(&args.one::<Pairing>()?)?),
        "getByChannel" => {
            let (channel_type, channel_id): (String, String) = args.parse()?;
            answer(&store.get_by_channel(&channel_type, &channel_id)?)
        }
        "getByUser" => answer(&store.get_by_user(&args.one::<String>()?)?),
        "setStatus" => {
            let (id, status): (String, PairingStatus) = args.parse()?;
            store.set_status(&id, status).map(|()| None)
        }
        "delete" => store.delete(&args.one::<String>()?).map(|()| None),
        _ => args.unknown(),
    }
}

fn audit(store: &dyn AuditStore, call: &str, args: &Args<'_>) -> Answered {
    match call {
        "append" => {
            let entry: AuditEntry = args.one()?;
            store.append(&entry)?;
            answer(&entry)
        }
        "query" => answer(&store.query(&args.one::<AuditQuery>()?)?),
        _ => args.unknown(),
    }
}
