//! Users, pairings and the audit log.

use std::collections::{BTreeSet, HashMap};

use serde_json::json;
use sigil_core::{
    AuditEntry, AuditQuery, Gateway, ID_BYTES_MAX, Identity, Paging, Pairing, PairingStatus,
    Result, TimeRange, Timestamp, User,
};

use super::batch::{Batch, Records, found};
use super::columns_of::{AUDIT, IDENTITIES, PAIRINGS, USERS};
use super::fields::Fields;
use super::ids::{self, Taken};
use super::json;
use super::messages::{claim, is_kept};
use super::report::Place;
use super::run::Run;
use super::survey::{Kind, text_of};
use super::table::LegacyRow;

/// The most identities of one user.
const IDENTITIES_MAX: usize = 1_000;

#[derive(Debug)]
struct Users<'g>(&'g Gateway);

impl Records for Users<'_> {
    type Record = User;

    fn has(&self, user: &User) -> Result<bool> {
        found(self.0.users().get(&user.id))
    }

    fn put(&self, users: &[User]) -> Result<()> {
        self.0.transaction(|gateway| users.iter().try_for_each(|user| gateway.users().create(user)))
    }
}

#[derive(Debug)]
struct Pairings<'g>(&'g Gateway);

impl Records for Pairings<'_> {
    type Record = Pairing;

    fn has(&self, pairing: &Pairing) -> Result<bool> {
        found(self.0.pairings().get_by_channel(&pairing.channel_type, &pairing.channel_id))
    }

    fn put(&self, pairings: &[Pairing]) -> Result<()> {
        self.0.transaction(|gateway| {
            pairings.iter().try_for_each(|pairing| gateway.pairings().create(pairing).map(drop))
        })
    }
}

#[derive(Debug)]
struct Audit<'g>(&'g Gateway);

impl Records for Audit<'_> {
    type Record = AuditEntry;

    fn has(&self, entry: &AuditEntry) -> Result<bool> {
        // There is no reading by id; the range is the least that holds the entry.
        let range = TimeRange { from: Some(entry.timestamp), to: Some(entry.timestamp.plus_ms(1)) };
        let mut query = AuditQuery { range, ..AuditQuery::default() };
        loop {
            let page = self.0.audit().query(&query)?;
            if page.iter().any(|other| other.id == entry.id) {
                return Ok(true);
            }
            let Some(next) = page.next else { return Ok(false) };
            query.paging = Paging { after: Some(next), ..Paging::default() };
        }
    }

    fn put(&self, entries: &[AuditEntry]) -> Result<()> {
        self.0.transaction(|gateway| {
            entries.iter().try_for_each(|entry| gateway.audit().append(entry))
        })
    }
}

/// Takes over the gateway.
pub(crate) fn migrate(run: &mut Run<'_>, target: Option<&Gateway>) -> Result<()> {
    let ids = users(run, target)?;
    pairings(run, target, &ids)?;
    let mut taken = Taken::default();
    let mut batch = Batch::new(target.map(Audit), run.is_resuming);
    run.rows("", Kind::Gateway, "audit_log", |run, file, place, row| {
        let mut fields = run.fields("", file, place, AUDIT, row);
        let entry = entry(&mut fields, &mut taken);
        run.keep(fields, entry.as_ref().map_or("", |entry| &entry.id));
        run.advance(&place.file, 1)?;
        entry.map_or(Ok(()), |entry| {
            let bytes = 400 + entry.details.to_json().len();
            batch.push(entry, bytes)
        })
    })?;
    batch.flush()
}

/// What became of the users, by their old id.
type Became = HashMap<String, String>;

fn users(run: &mut Run<'_>, target: Option<&Gateway>) -> Result<Became> {
    let mut identities = identities(run)?;
    let mut became = Became::new();
    let mut taken = Taken::default();
    let mut batch = Batch::new(target.map(Users), run.is_resuming);
    run.rows("", Kind::Gateway, "users", |run, file, place, row| {
        let old = text_of(&row.cells[0]);
        let mut fields = run.fields("", file, place, USERS, row);
        let id = fields.id("id");
        let user = User {
            id: claim(&mut fields, &mut taken, id),
            name: fields.short_text("name"),
            role: fields.short_text("role"),
            identities: identities.remove(&old).unwrap_or_default(),
            created_at: fields.required_time("created_at"),
            updated_at: fields.required_time("updated_at"),
        };
        let is_kept = is_kept(&mut fields, user.validate());
        run.keep(fields, &user.id);
        run.advance(&place.file, 1)?;
        if !is_kept {
            return Ok(());
        }
        became.insert(old, user.id.clone());
        let bytes = 300 + 200 * user.identities.len();
        batch.push(user, bytes)
    })?;
    // Whoever is named and is not there.
    let mut lost: BTreeSet<String> = identities.keys().cloned().collect();
    run.rows("", Kind::Gateway, "pairings", |_, _, _, row| {
        let id = text_of(&row.cells[1]);
        if !became.contains_key(&id) {
            lost.insert(id);
        }
        Ok(())
    })?;
    for old in lost {
        let place = Place { file: Kind::Gateway.file_name().to_owned(), table: "users" };
        let row = LegacyRow { rowid: 0, cells: Vec::new() };
        let mut fields = Fields::new(&place, USERS, row);
        let id = fields.clean("user_id", &old);
        let id = claim(&mut fields, &mut taken, id);
        let done = "a user was made for what belongs to it";
        fields.repair(format!("there is no user '{id}'"), done, json!(old));
        run.keep(fields, &id);
        let mut user = User::new(&id, "", Timestamp::ZERO);
        user.identities = identities.remove(&old).unwrap_or_default();
        became.insert(old, id);
        batch.push(user, 300)?;
    }
    batch.flush()?;
    Ok(became)
}

/// The identities by the old id of their user.
fn identities(run: &mut Run<'_>) -> Result<HashMap<String, Vec<Identity>>> {
    let mut identities: HashMap<String, Vec<Identity>> = HashMap::new();
    let mut taken = Taken::default();
    run.rows("", Kind::Gateway, "user_identities", |run, file, place, row| {
        let user = text_of(&row.cells[0]);
        let mut fields = run.fields("", file, place, IDENTITIES, row);
        let platform = fields.id("platform");
        let platform_user_id = fields.id("platform_user_id");
        let display_name = fields.short_text("display_name");
        // On another platform, so that nobody who comes from this one is taken for the user.
        let mut free = platform.clone();
        let mut number = 1_u64;
        let key = |platform: &str| format!("{platform}\0{platform_user_id}");
        while taken.has(&key(&free)) {
            number += 1;
            free = ids::clean(&format!("{platform}~{number}"));
        }
        taken.claim(key(&free));
        if free != platform {
            let done = format!("its platform became '{free}'");
            fields.repair("another user has the same identity", done, json!(platform));
        }
        let of_user = identities.entry(user.clone()).or_default();
        if of_user.len() < IDENTITIES_MAX {
            of_user.push(Identity { platform: free, platform_user_id, display_name });
        } else {
            let was = fields.row();
            let wrong = format!("the user has more than {IDENTITIES_MAX} identities");
            fields.repair(wrong, "left out; the whole row is in this report", was);
        }
        run.keep(fields, &ids::clean(&user));
        run.advance(&place.file, 1)
    })?;
    Ok(identities)
}

fn pairings(run: &mut Run<'_>, target: Option<&Gateway>, users: &Became) -> Result<()> {
    let (mut taken, mut channels) = (Taken::default(), Taken::default());
    let mut batch = Batch::new(target.map(Pairings), run.is_resuming);
    run.rows("", Kind::Gateway, "pairings", |run, file, place, row| {
        let old = text_of(&row.cells[1]);
        let user_id = users.get(&old).cloned().unwrap_or_else(|| ids::clean(&old));
        let mut fields = run.fields("", file, place, PAIRINGS, row);
        if user_id != old {
            let done = format!("the pairing is of '{user_id}'");
            fields.repair("its user has another id now", done, json!(old));
        }
        let pairing = pairing(&mut fields, user_id, &mut taken, &mut channels);
        run.keep(fields, pairing.as_ref().map_or("", |pairing| &pairing.id));
        run.advance(&place.file, 1)?;
        pairing.map_or(Ok(()), |pairing| batch.push(pairing, 400))
    })?;
    batch.flush()
}

fn pairing(
    fields: &mut Fields<'_>,
    user_id: String,
    taken: &mut Taken,
    channels: &mut Taken,
) -> Option<Pairing> {
    let id = match text_of(fields.cell("id")).as_str() {
        "" => {
            let made = format!("legacy-pairing-{}", fields.rowid());
            fields.repair("id is empty", format!("became '{made}'"), json!(""));
            made
        }
        _ => fields.id("id"),
    };
    let status = fields.text("status");
    let status = PairingStatus::parse(&status).unwrap_or_else(|_| {
        fields.repair("status has no known meaning", "became 'pending'", json!(status));
        PairingStatus::Pending
    });
    let channel_type = fields.id("channel_type");
    let old = fields.id("channel_id");
    let (mut channel_id, mut number) = (old.clone(), 1_u64);
    while channels.has(&format!("{channel_type}\0{channel_id}")) {
        number += 1;
        channel_id = ids::clean(&format!("{old}~{number}"));
    }
    channels.claim(format!("{channel_type}\0{channel_id}"));
    if channel_id != old {
        let done = format!("its channel became '{channel_id}'");
        fields.repair("another pairing has its channel", done, json!(old));
    }
    let workspace = fields.text("workspace_id");
    let pairing = Pairing {
        id: claim(fields, taken, id),
        user_id,
        channel_type,
        channel_id,
        workspace_id: fields.cut("workspace_id", workspace, ID_BYTES_MAX),
        status,
        created_at: fields.required_time("created_at"),
    };
    is_kept(fields, pairing.validate()).then_some(pairing)
}

fn entry(fields: &mut Fields<'_>, taken: &mut Taken) -> Option<AuditEntry> {
    let id = match text_of(fields.cell("id")).as_str() {
        "" => {
            let made = format!("legacy-audit-{}", fields.rowid());
            fields.repair("id is empty", format!("became '{made}'"), json!(""));
            made
        }
        _ => fields.id("id"),
    };
    let entry = AuditEntry {
        id: claim(fields, taken, id),
        timestamp: fields.required_time("timestamp"),
        action: fields.short_text("action"),
        actor: fields.short_text("actor"),
        plugin: fields.short_text("plugin"),
        workspace_id: fields.short_text("workspace_id"),
        session_id: fields.short_text("session_id"),
        details: json::metadata(fields, "details"),
        result: fields.short_text("result"),
    };
    is_kept(fields, entry.validate()).then_some(entry)
}
