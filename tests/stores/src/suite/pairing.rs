//! Pairings.

use sigil_core::{ErrorKind, Gateway, Paired, Pairing, PairingStatus, Result};

use super::fixture::{assert_fails, at, ids, pairing, user};
use crate::subject::Subject;

fn with_users(subject: &dyn Subject) -> Result<Gateway> {
    let gateway = subject.gateway()?;
    gateway.users().create(&user("ada", 0))?;
    gateway.users().create(&user("bob", 0))?;
    Ok(gateway)
}

fn paired(id: &str, inserted: bool) -> Paired {
    Paired { id: id.to_owned(), inserted }
}

pub fn a_pairing_reads_back_as_it_was_created(subject: &dyn Subject) -> Result<()> {
    let gateway = with_users(subject)?;
    for (n, status) in (0..).zip(PairingStatus::ALL) {
        let id = format!("p{n}");
        let workspace_id = if n == 0 { String::new() } else { "home".to_owned() };
        let status = *status;
        let expected = Pairing { status, workspace_id, created_at: at(n), ..pairing(&id, "ada", "chat", &id) };
        assert_eq!(gateway.pairings().create(&expected)?, paired(&id, true));
        assert_eq!(gateway.pairings().get_by_channel("chat", &id)?, expected);
    }
    assert_fails(gateway.pairings().get_by_channel("mail", "p0"), ErrorKind::NotFound);
    Ok(())
}

pub fn the_first_pairing_of_a_channel_stays(subject: &dyn Subject) -> Result<()> {
    let gateway = with_users(subject)?;
    let first = pairing("p", "ada", "chat", "c");
    gateway.pairings().create(&first)?;
    // Another user, the same id, nobody at all: the channel has one already.
    for later in ["bob", "ada", "eve"] {
        for id in ["q", "p", ""] {
            let later = Pairing { status: PairingStatus::Active, ..pairing(id, later, "chat", "c") };
            assert_eq!(gateway.pairings().create(&later)?, paired("p", false));
        }
    }
    assert_eq!(gateway.pairings().get_by_channel("chat", "c")?, first);
    assert!(gateway.pairings().get_by_user("bob")?.is_empty());
    // The same channel of another kind is another channel.
    let other = pairing("q", "bob", "mail", "c");
    assert_eq!(gateway.pairings().create(&other)?, paired("q", true));
    Ok(())
}

pub fn an_empty_id_is_made_up(subject: &dyn Subject) -> Result<()> {
    let gateway = with_users(subject)?;
    let one = gateway.pairings().create(&pairing("", "ada", "chat", "1"))?;
    let two = gateway.pairings().create(&pairing("", "ada", "chat", "2"))?;
    assert!(one.inserted && two.inserted && one.id != two.id && !one.id.is_empty());
    let expected = Pairing { id: one.id, ..pairing("", "ada", "chat", "1") };
    assert_eq!(gateway.pairings().get_by_channel("chat", "1")?, expected);
    Ok(())
}

pub fn an_unknown_user_is_not_found(subject: &dyn Subject) -> Result<()> {
    let gateway = with_users(subject)?;
    let created = gateway.pairings().create(&pairing("p", "eve", "chat", "c"));
    assert_fails(created, ErrorKind::NotFound);
    assert_fails(gateway.pairings().get_by_channel("chat", "c"), ErrorKind::NotFound);
    gateway.pairings().create(&pairing("p", "ada", "chat", "c"))?;
    // Not there and taken: what is missing is said first.
    let created = gateway.pairings().create(&pairing("p", "eve", "chat", "d"));
    assert_fails(created, ErrorKind::NotFound);
    assert!(gateway.pairings().get_by_user("eve")?.is_empty());
    Ok(())
}

pub fn a_taken_id_is_a_conflict(subject: &dyn Subject) -> Result<()> {
    let gateway = with_users(subject)?;
    gateway.pairings().create(&pairing("p", "ada", "chat", "c"))?;
    let created = gateway.pairings().create(&pairing("p", "ada", "chat", "d"));
    assert_fails(created, ErrorKind::Conflict);
    assert_eq!(gateway.pairings().get_by_user("ada")?.len(), 1);
    Ok(())
}

pub fn pairings_of_a_user_are_oldest_first(subject: &dyn Subject) -> Result<()> {
    let gateway = with_users(subject)?;
    for (id, user, ms) in [("late", "ada", 9), ("tie-b", "ada", 5), ("x", "bob", 5), ("tie-a", "ada", 5)] {
        let created_at = at(ms);
        gateway.pairings().create(&Pairing { created_at, ..pairing(id, user, id, "c") })?;
    }
    assert_eq!(ids(&gateway.pairings().get_by_user("ada")?, |p| &p.id), ["tie-b", "tie-a", "late"]);
    assert!(gateway.pairings().get_by_user("nobody")?.is_empty());
    Ok(())
}

pub fn a_status_can_be_set(subject: &dyn Subject) -> Result<()> {
    let gateway = with_users(subject)?;
    let pairing = pairing("p", "ada", "chat", "c");
    gateway.pairings().create(&pairing)?;
    for status in PairingStatus::ALL {
        gateway.pairings().set_status("p", *status)?;
        let expected = Pairing { status: *status, ..pairing.clone() };
        assert_eq!(gateway.pairings().get_by_channel("chat", "c")?, expected);
    }
    let set = gateway.pairings().set_status("nobody", PairingStatus::Active);
    assert_fails(set, ErrorKind::NotFound);
    Ok(())
}

pub fn deleting_frees_the_channel(subject: &dyn Subject) -> Result<()> {
    let gateway = with_users(subject)?;
    gateway.pairings().create(&pairing("p", "ada", "chat", "c"))?;
    gateway.pairings().delete("p")?;
    assert_fails(gateway.pairings().delete("p"), ErrorKind::NotFound);
    assert_fails(gateway.pairings().get_by_channel("chat", "c"), ErrorKind::NotFound);
    assert!(gateway.pairings().create(&pairing("p", "bob", "chat", "c"))?.inserted);
    Ok(())
}
