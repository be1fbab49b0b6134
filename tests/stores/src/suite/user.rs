//! Users and their identities.

use sigil_core::{AuditQuery, ErrorKind, Gateway, Paging, Result, User};

use super::fixture::{assert_fails, at, identity, ids, pairing, user};
use crate::subject::Subject;

fn known(id: &str, ms: i64) -> User {
    User { role: "admin".to_owned(), identities: vec![identity("chat", id, "")], ..user(id, ms) }
}

fn listed(gateway: &Gateway, paging: &Paging) -> Result<Vec<String>> {
    Ok(gateway.users().list(paging)?.into_iter().map(|user| user.id).collect())
}

pub fn a_user_reads_back_with_sorted_identities(subject: &dyn Subject) -> Result<()> {
    let gateway = subject.gateway()?;
    let mut ada = User { role: "admin".to_owned(), updated_at: at(9), ..user("ada", 1) };
    ada.identities = vec![
        identity("mail", "ada@b.c", "Ada"),
        identity("chat", "2", ""),
        identity("chat", "10", "ada"),
    ];
    gateway.users().create(&ada)?;
    ada.identities.sort();
    assert_eq!(ada.identities[0].platform_user_id, "10");
    assert_eq!(gateway.users().get("ada")?, ada);
    assert_eq!(gateway.users().list(&Paging::default())?.items, [ada]);
    Ok(())
}

pub fn a_user_is_found_by_identity(subject: &dyn Subject) -> Result<()> {
    let gateway = subject.gateway()?;
    gateway.users().create(&known("ada", 0))?;
    gateway.users().create(&known("bob", 0))?;
    assert_eq!(gateway.users().get_by_identity("chat", "bob")?, known("bob", 0));
    for (platform, id) in [("chat", "eve"), ("mail", "bob"), ("bob", "chat"), ("", "")] {
        let found = gateway.users().get_by_identity(platform, id);
        assert_fails(found, ErrorKind::NotFound);
    }
    Ok(())
}

pub fn a_taken_id_or_identity_is_a_conflict_and_changes_nothing(subject: &dyn Subject) -> Result<()> {
    let gateway = subject.gateway()?;
    gateway.users().create(&known("ada", 0))?;
    assert_fails(gateway.users().create(&user("ada", 5)), ErrorKind::Conflict);
    let mut bob = User { identities: known("ada", 0).identities, ..user("bob", 0) };
    assert_fails(gateway.users().create(&bob), ErrorKind::Conflict);
    // The same identity twice, though by another name.
    bob.identities = vec![identity("mail", "b", "one"), identity("mail", "b", "two")];
    assert_fails(gateway.users().create(&bob), ErrorKind::Conflict);
    assert_eq!(listed(&gateway, &Paging::default())?, ["ada"]);
    gateway.users().create(&known("bob", 0))?;
    let mut update = known("bob", 0);
    update.name = "changed".to_owned();
    update.identities.push(identity("chat", "ada", "stolen"));
    assert_fails(gateway.users().update(&update), ErrorKind::Conflict);
    assert_eq!(gateway.users().get("bob")?, known("bob", 0));
    assert_eq!(gateway.users().get("ada")?, known("ada", 0));
    Ok(())
}

pub fn an_update_replaces_all_identities(subject: &dyn Subject) -> Result<()> {
    let gateway = subject.gateway()?;
    let mut ada = known("ada", 0);
    gateway.users().create(&ada)?;
    ada.identities.push(identity("mail", "ada@b.c", "Ada"));
    gateway.users().update(&ada)?;
    assert_eq!(gateway.users().get("ada")?, ada);
    ada.identities = vec![identity("mail", "new@b.c", "Ada")];
    gateway.users().update(&ada)?;
    assert_eq!(gateway.users().get("ada")?, ada);
    assert_fails(gateway.users().get_by_identity("chat", "ada"), ErrorKind::NotFound);
    // What is given up can be another's.
    gateway.users().create(&User { id: "bob".to_owned(), ..known("ada", 0) })?;
    ada.identities.clear();
    gateway.users().update(&ada)?;
    assert_eq!(gateway.users().get("ada")?.identities, []);
    Ok(())
}

pub fn an_update_keeps_creation_and_takes_the_callers_time(subject: &dyn Subject) -> Result<()> {
    let gateway = subject.gateway()?;
    gateway.users().create(&known("ada", 3))?;
    let update = User { role: String::new(), updated_at: at(-7), ..user("ada", 99) };
    gateway.users().update(&update)?;
    assert_eq!(gateway.users().get("ada")?, User { created_at: at(3), ..update });
    Ok(())
}

pub fn what_is_not_there_is_not_found(subject: &dyn Subject) -> Result<()> {
    let gateway = subject.gateway()?;
    assert_fails(gateway.users().get("ada"), ErrorKind::NotFound);
    assert_fails(gateway.users().update(&known("ada", 0)), ErrorKind::NotFound);
    assert_fails(gateway.users().delete("ada"), ErrorKind::NotFound);
    assert_fails(gateway.users().get_by_identity("chat", "ada"), ErrorKind::NotFound);
    assert!(gateway.users().list(&Paging::default())?.is_empty());
    Ok(())
}

pub fn users_are_listed_oldest_first(subject: &dyn Subject) -> Result<()> {
    let gateway = subject.gateway()?;
    for (id, ms) in [("late", 9), ("tie-b", 5), ("tie-a", 5), ("early", 1), ("last", 10)] {
        gateway.users().create(&known(id, ms))?;
    }
    let paged = |limit, offset| Paging { limit, offset, after: None };
    assert_eq!(listed(&gateway, &paged(0, 0))?, ["early", "tie-b", "tie-a", "late", "last"]);
    assert_eq!(listed(&gateway, &paged(2, 0))?, ["early", "tie-b"]);
    assert_eq!(listed(&gateway, &paged(2, 3))?, ["late", "last"]);
    assert_eq!(listed(&gateway, &paged(2, 5))?, [""; 0]);
    assert_eq!(gateway.users().list(&paged(1, 0))?[0], known("early", 1));
    gateway.transaction(|gateway| {
        (0..100).try_for_each(|n| gateway.users().create(&known(&format!("u{n}"), 100 + n)))
    })?;
    assert_eq!(gateway.users().list(&Paging::default())?.len(), 100);
    Ok(())
}

pub fn deleting_a_user_takes_identities_and_pairings(subject: &dyn Subject) -> Result<()> {
    let gateway = subject.gateway()?;
    for id in ["ada", "bob"] {
        gateway.users().create(&known(id, 0))?;
        gateway.pairings().create(&pairing(id, id, "chat", id))?;
    }
    gateway.users().delete("ada")?;
    assert_fails(gateway.users().get("ada"), ErrorKind::NotFound);
    assert_fails(gateway.users().get_by_identity("chat", "ada"), ErrorKind::NotFound);
    assert_fails(gateway.pairings().get_by_channel("chat", "ada"), ErrorKind::NotFound);
    assert!(gateway.pairings().get_by_user("ada")?.is_empty());
    assert_eq!(gateway.pairings().get_by_user("bob")?.len(), 1);
    // Both are free again.
    gateway.users().create(&known("ada", 0))?;
    assert!(gateway.pairings().create(&pairing("ada", "ada", "chat", "ada"))?.inserted);
    Ok(())
}

pub fn forgetting_a_user_leaves_an_audit_entry(subject: &dyn Subject) -> Result<()> {
    let gateway = subject.gateway()?;
    gateway.users().create(&known("ada", 0))?;
    gateway.pairings().create(&pairing("p", "ada", "chat", "c"))?;
    gateway.forget_user("ada", "root")?;
    // Whoever is not there is none to delete, but that it was asked for is noted.
    gateway.forget_user("ada", "root")?;
    assert_fails(gateway.users().get("ada"), ErrorKind::NotFound);
    assert_fails(gateway.pairings().get_by_channel("chat", "c"), ErrorKind::NotFound);
    let entries = gateway.audit().query(&AuditQuery::default())?;
    assert_eq!(ids(&entries, |entry| &entry.action), ["forget.user", "forget.user"]);
    assert_eq!(ids(&entries, |entry| &entry.actor), ["root", "root"]);
    assert_eq!(entries[0].details.to_json(), r#"{"userId":"ada"}"#);
    // Where the entry cannot be added, nothing is deleted.
    gateway.users().create(&known("bob", 0))?;
    let taken = gateway.stores().forget_user("bob", &entries[0]);
    assert_fails(taken, ErrorKind::Conflict);
    assert_eq!(gateway.users().get("bob")?, known("bob", 0));
    let busy = gateway.transaction(|gateway| gateway.forget_user("bob", "root"));
    assert_fails(busy, ErrorKind::Busy);
    Ok(())
}

pub fn users_survive_reopening(subject: &dyn Subject) -> Result<()> {
    let gateway = subject.gateway()?;
    gateway.users().create(&known("ada", 0))?;
    gateway.pairings().create(&pairing("p", "ada", "chat", "c"))?;
    gateway.close()?;
    drop(gateway);
    let gateway = subject.gateway()?;
    assert_eq!(gateway.users().get_by_identity("chat", "ada")?, known("ada", 0));
    assert_eq!(gateway.pairings().get_by_user("ada")?, [pairing("p", "ada", "chat", "c")]);
    Ok(())
}
