//! Golden bytes of each layout, and that no bytes make decoding panic.

use std::collections::{BTreeMap, BTreeSet};

use bytes::{Bytes, BytesMut};
use proptest::prelude::*;

use crate::model::command::{Command, Origin, PagesPart};
use crate::model::id::{
    Chain, ClusterId, DatabaseId, NodeId, Position, ProposalId, StoreId, TransactionId,
};
use crate::model::member::Member;
use crate::model::notification::Notification;
use crate::raft::codec::*;
use crate::raft::command;
use crate::raft::types::{
    EncodedCommand, LeaderId, Membership, Payload, RaftNode, StoredMembership, Vote, from_record,
    log_id, to_record,
};

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    })
}

fn leader(term: u64, node_id: u64) -> LeaderId {
    LeaderId { term, node_id }
}

fn node(id: u64) -> RaftNode {
    RaftNode {
        cluster: ClusterId([0xcc; 16]),
        member: Member {
            id: NodeId(id),
            store: StoreId([0xdd; 16]),
            name: "a".to_owned(),
            raft_addr: "r:1".to_owned(),
            http_addr: "h:2".to_owned(),
            pg_addr: "p:3".to_owned(),
        },
    }
}

fn membership() -> Membership {
    Membership::new(
        vec![BTreeSet::from([7]), BTreeSet::from([7, 8])],
        BTreeMap::from([(7, node(7)), (8, node(8))]),
    )
    .unwrap()
}

fn pages() -> Command {
    Command::Pages(PagesPart {
        database: DatabaseId(5),
        base: Position { txid: TransactionId(1), chain: Chain(2) },
        txid: TransactionId(2),
        chain: Chain(3),
        database_pages: 4,
        part: 1,
        last: true,
        origin: Origin { node: NodeId(9), proposal: ProposalId(10) },
        proposed_at: 0,
        pages: Bytes::from_static(b"\xaa\xbb"),
        notifications: Vec::new(),
    })
}

fn notifying_pages() -> Command {
    let Command::Pages(part) = pages() else { unreachable!() };
    let told = Notification { sender: -2, channel: "c".into(), payload: "pa".into() };
    Command::Pages(PagesPart { notifications: vec![told], ..part })
}

/// The same with a time.
fn timed(command: Command) -> Command {
    let Command::Pages(part) = command else { unreachable!() };
    Command::Pages(PagesPart { proposed_at: 0x1234, ..part })
}

#[test]
fn layouts_stay_as_they_are() {
    assert_eq!(hex(&encode_leader(&leader(2, 7)).0), "00000000000000020000000000000007");
    assert_eq!(
        hex(&encode_vote(&Vote { leader_id: leader(2, 7), committed: true })),
        "010000000000000002000000000000000701"
    );
    assert_eq!(
        hex(&encode_committed(Some(log_id(leader(2, 7), 3)))),
        "0101000000000000000200000000000000070000000000000003"
    );
    assert_eq!(hex(&encode_committed(None)), "0100");
    assert_eq!(hex(&encode_payload(&Payload::Blank)), "0100");
    assert_eq!(hex(&command::encode(&Command::Barrier)), "010100");
    assert_eq!(
        hex(&command::encode(&pages())),
        "01010100000005\
         000000000000000100000000000000000000000000000002\
         000000000000000200000000000000000000000000000003\
         0000000400000001010000000000000009000000000000000aaabb"
    );
    assert_eq!(
        hex(&command::encode(&notifying_pages())),
        "01010400000005\
         000000000000000100000000000000000000000000000002\
         000000000000000200000000000000000000000000000003\
         000000040000000101000000000000000900000000000000\
         0a00000001fffffffe00016300027061aabb"
    );
    assert_eq!(
        hex(&command::encode(&timed(pages()))),
        "01010500000005\
         000000000000000100000000000000000000000000000002\
         000000000000000200000000000000000000000000000003\
         0000000400000001010000000000000009000000000000000a0000000000001234aabb"
    );
    assert_eq!(
        hex(&command::encode(&timed(notifying_pages()))),
        "01010600000005\
         000000000000000100000000000000000000000000000002\
         000000000000000200000000000000000000000000000003\
         000000040000000101000000000000000900000000000000\
         0a000000000000123400000001fffffffe00016300027061aabb"
    );
    assert_eq!(
        hex(&command::encode(&Command::CreateDatabase {
            id: DatabaseId(16384),
            name: "é".to_owned()
        })),
        "010102000040000002c3a9"
    );
    assert_eq!(
        hex(&command::encode(&Command::DropDatabase { id: DatabaseId(16384) })),
        "01010300004000"
    );
    let node = |id: &str| {
        format!(
            "{id}cccccccccccccccccccccccccccccccc{id}dddddddddddddddddddddddddddddddd{}",
            "0001610003723a310003683a320003703a33"
        )
    };
    let (seven, eight) = ("0000000000000007", "0000000000000008");
    assert_eq!(
        hex(&encode_payload(&Payload::Membership(membership()))),
        format!("0102020001{seven}0002{seven}{eight}0002{}{}", node(seven), node(eight))
    );
}

#[test]
fn an_entry_hash_covers_index_leader_and_payload() {
    let base = entry_hash(1, encode_leader(&leader(1, 1)), b"x");
    assert_eq!(base, 0x2b98_481d_cb14_5195);
    assert_ne!(base, entry_hash(2, encode_leader(&leader(1, 1)), b"x"));
    assert_ne!(base, entry_hash(1, encode_leader(&leader(1, 2)), b"x"));
    assert_ne!(base, entry_hash(1, encode_leader(&leader(1, 1)), b"y"));
}

#[test]
fn everything_survives_a_round_trip() {
    for payload in [
        Payload::Blank,
        Payload::Normal(EncodedCommand::new(&pages())),
        Payload::Normal(EncodedCommand::new(&Command::Barrier)),
        Payload::Membership(membership()),
        Payload::Membership(Membership::default()),
    ] {
        let entry = crate::raft::types::Entry { log_id: log_id(leader(3, 4), 5), payload };
        let record = to_record(&entry);
        let back = from_record(&record).unwrap();
        assert_eq!(back, entry);
        assert_eq!(to_record(&back), record);
    }
    assert_eq!(EncodedCommand::new(&pages()).decode().unwrap(), pages());
    let vote = Vote { leader_id: leader(u64::MAX, 1), committed: false };
    assert_eq!(decode_vote(encode_vote(&vote)), Ok(vote));
    let mut out = BytesMut::new();
    let stored = StoredMembership::new(Some(log_id(leader(1, 2), 3)), membership());
    put_stored_membership(&mut out, &stored);
    assert_eq!(read_stored_membership(&mut Reader::new(out.freeze())), Ok(stored));
}

#[test]
fn leader_bytes_sort_like_leader_ids() {
    let ids = [leader(0, 5), leader(1, 0), leader(1, 300), leader(2, 1), leader(256, 0)];
    assert!(ids.windows(2).all(|pair| encode_leader(&pair[0]) < encode_leader(&pair[1])));
}

#[test]
fn cut_or_prolonged_bytes_are_refused() {
    for whole in [
        command::encode(&Command::CreateDatabase { id: DatabaseId(1), name: "n".to_owned() }),
        encode_payload(&Payload::Membership(membership())),
        encode_payload(&Payload::Blank),
        command::encode(&Command::Barrier),
    ] {
        for length in 0..whole.len() {
            assert!(decode_payload(whole.slice(..length)).is_err());
        }
        let longer = [&whole[..], &[0]].concat();
        assert!(decode_payload(longer.into()).is_err());
    }
    assert_eq!(decode_payload(Bytes::from_static(&[2, 0])), Err(Malformed("unknown version")));
}

proptest! {
    #[test]
    fn no_bytes_make_decoding_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..300), valid in any::<bool>()) {
        if valid && bytes.len() > 1 {
            bytes[0] = VERSION;
            bytes[1] %= 4;
        }
        let bytes = Bytes::from(bytes);
        let _ = decode_vote(bytes.clone());
        let _ = decode_committed(bytes.clone());
        if let Ok(payload) = decode_payload(bytes.clone()) {
            prop_assert_eq!(decode_payload(encode_payload(&payload)), Ok(payload));
        }
    }

    #[test]
    fn a_flipped_byte_never_panics(at in 0usize..300, to in any::<u8>()) {
        for whole in [encode_payload(&Payload::Membership(membership())), command::encode(&pages())] {
            let mut bytes = whole.to_vec();
            let at = at % bytes.len();
            bytes[at] = to;
            let _ = decode_payload(bytes.into());
        }
    }
}
