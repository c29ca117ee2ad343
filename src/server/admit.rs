//! Whether a node may become a member, or change what the membership says of it. Pure.

use crate::model::member::Member;
use crate::server::setup::JoinRequest;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is a member exactly as it says.
    Already,
    /// Add it, or bring its entry up to date.
    Add,
    /// Not before an operator has done something; what.
    Never(String),
}

/// Judges a request by the members (and whether each votes).
pub(super) fn judge(members: &[(Member, bool)], request: &JoinRequest) -> Verdict {
    let JoinRequest { me, read_only, .. } = request;
    if me.id != me.store.node_id() || me.name.is_empty() {
        return Verdict::Never("the request contradicts itself".to_owned());
    }
    let others = members.iter().filter(|(member, _)| member.store != me.store);
    for (other, _) in others {
        if other.name == me.name {
            return Verdict::Never(format!(
                "a node called {0} is already a member, with another data directory. If that one \
                 is lost, remove it first: eider remove {0}",
                me.name
            ));
        }
        if other.raft_addr == me.raft_addr {
            return Verdict::Never(format!(
                "the address {} belongs to the member {1}. If that one is gone, remove it first: \
                 eider remove {1}",
                me.raft_addr, other.name
            ));
        }
        if other.id == me.id {
            return Verdict::Never("its id is taken: start it with an empty directory".to_owned());
        }
    }
    let Some((known, votes)) = members.iter().find(|(member, _)| member.store == me.store) else {
        return Verdict::Add;
    };
    if known.name != me.name {
        return Verdict::Never(format!(
            "its data directory belongs to the member {0}: start it with -node-id {0}, or with an \
             empty directory",
            known.name
        ));
    }
    if *votes && *read_only {
        return Verdict::Never(format!(
            "{0} is a member with a vote and can't give it up: remove it first (eider remove {0}) \
             and start it with an empty directory",
            me.name
        ));
    }
    if known == me && *votes != *read_only { Verdict::Already } else { Verdict::Add }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::id::StoreId;
    use crate::server::setup::Login;

    fn member(number: u8) -> Member {
        let store = StoreId([number; 16]);
        Member {
            id: store.node_id(),
            store,
            name: format!("n{number}"),
            raft_addr: format!("h{number}:4002"),
            http_addr: format!("h{number}:4001"),
            pg_addr: format!("h{number}:5432"),
        }
    }

    fn request(number: u8, read_only: bool) -> JoinRequest {
        JoinRequest { me: member(number), read_only, login: Login::default() }
    }

    fn verdict(change: impl FnOnce(&mut JoinRequest)) -> Verdict {
        let members = [(member(1), true), (member(2), true), (member(3), false)];
        let mut request = request(4, false);
        change(&mut request);
        judge(&members, &request)
    }

    fn never(change: impl FnOnce(&mut JoinRequest)) -> String {
        match verdict(change) {
            Verdict::Never(why) => why,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn new_nodes_are_added_and_known_ones_left_alone() {
        assert_eq!(verdict(|_| {}), Verdict::Add);
        assert_eq!(verdict(|request| request.me = member(2)), Verdict::Already);
        let learner = |request: &mut JoinRequest| {
            *request = self::request(3, true);
        };
        assert_eq!(verdict(learner), Verdict::Already);
        // A join that was cut off after the first of its two steps.
        assert_eq!(verdict(|request| request.me = member(3)), Verdict::Add);
    }

    #[test]
    fn changed_addresses_are_brought_up_to_date() {
        let moved = |request: &mut JoinRequest| {
            request.me = Member { pg_addr: "new:1".to_owned(), ..member(2) };
        };
        assert_eq!(verdict(moved), Verdict::Add);
        let taken = |request: &mut JoinRequest| {
            request.me = Member { raft_addr: "h1:4002".to_owned(), ..member(2) };
        };
        assert!(never(taken).contains("belongs to the member n1"));
    }

    #[test]
    fn a_lost_disk_and_a_new_name_are_refused_with_the_way_out() {
        let lost = |request: &mut JoinRequest| request.me.name = "n2".to_owned();
        assert!(never(lost).contains("remove it first: eider remove n2"));
        let renamed = |request: &mut JoinRequest| {
            request.me = Member { name: "other".to_owned(), ..member(2) };
        };
        assert!(never(renamed).contains("start it with -node-id n2"));
        let demoted = |request: &mut JoinRequest| {
            *request = self::request(1, true);
        };
        assert!(never(demoted).contains("can't give it up"));
        let forged = |request: &mut JoinRequest| request.me.id = member(1).id;
        assert!(never(forged).contains("contradicts itself"));
    }
}
