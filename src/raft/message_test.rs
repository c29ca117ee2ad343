//! Round trips, golden bytes, and hostile input.

use proptest::prelude::*;

use super::*;
use crate::model::command::Command;
use crate::model::id::Position;
use crate::raft::types::{EncodedCommand, LeaderId, Payload, StoredMembership};

fn id(term: u64, index: u64) -> LogId {
    log_id(LeaderId { term, node_id: 7 }, index)
}

fn vote(term: u64) -> Vote {
    Vote { leader_id: LeaderId { term, node_id: 7 }, committed: true }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    })
}

fn append() -> AppendEntriesRequest<TypeConfig> {
    let command = EncodedCommand::new(&Command::Barrier);
    AppendEntriesRequest {
        vote: vote(2),
        prev_log_id: Some(id(1, 3)),
        leader_commit: Some(id(1, 2)),
        entries: vec![
            Entry { log_id: id(2, 4), payload: Payload::Blank },
            Entry { log_id: id(2, 5), payload: Payload::Normal(command) },
        ],
    }
}

fn snapshot_messages() -> Vec<SnapshotMessage> {
    vec![
        SnapshotMessage::Header {
            vote: vote(3),
            meta: SnapshotMetaOf::<TypeConfig> {
                last_log_id: Some(id(2, 9)),
                last_membership: StoredMembership::default(),
            },
            databases: vec![DatabaseState {
                id: DatabaseId(5),
                name: "postgres".to_owned(),
                position: Position::default(),
                pages: 3,
            }],
        },
        SnapshotMessage::Want { database: DatabaseId(5), first: 1, count: 3, known: vec![8, 9] },
        SnapshotMessage::Pages(Bytes::from_static(b"pages")),
        SnapshotMessage::Installed(vote(3)),
        SnapshotMessage::Refused("busy".to_owned()),
    ]
}

fn calls() -> Vec<Bytes> {
    let mut request = VoteRequest::new(vote(2), Some(id(1, 3)));
    request.leadership_transfer = true;
    vec![
        encode_vote_request(&request, false),
        encode_vote_request(&request, true),
        encode_transfer(&TransferLeaderRequest::new(vote(2), 9, Some(id(1, 3)))),
        encode_append(&append(), Some(77)),
        encode_confirm(&vote(2)),
    ]
}

#[test]
fn calls_survive_a_round_trip() {
    let decoded: Vec<Call> = calls().into_iter().map(|call| decode_call(call).unwrap()).collect();
    let [
        Call::Vote(vote),
        Call::PreVote(pre_vote),
        Call::Transfer(transfer),
        Call::Append(entries),
        Call::Confirm(leader),
    ] = &decoded[..]
    else {
        panic!("{decoded:?}");
    };
    assert!(vote.leadership_transfer);
    assert_eq!(vote, pre_vote);
    assert_eq!((*transfer.to_node_id(), transfer.last_log_id()), (9, Some(&id(1, 3))));
    assert_eq!(entries.prev_hash, Some(77));
    assert_eq!(encode_append(&entries.request, Some(77)), calls()[3]);
    assert_eq!(entries.request.entries, append().entries);
    assert_eq!(last_of(&entries.request), Some(id(2, 5)));
    assert_eq!(*leader, self::vote(2));
}

#[test]
fn answers_survive_a_round_trip() {
    let voted = VoteResponse { vote: vote(4), vote_granted: true, last_log_id: Some(id(3, 1)) };
    assert_eq!(decode_vote_response(encode_vote_response(&voted)), Ok(voted));
    for transfer in [
        Ok(()),
        Err(TransferLeaderError::VoteChanged { expected: vote(1), actual: vote(2) }),
        Err(TransferLeaderError::LogNotFlushed { expected: Some(id(1, 1)), actual: None }),
    ] {
        let bytes = encode_transfer_response(&transfer);
        assert_eq!(decode_transfer_response(bytes), Ok(transfer));
    }
    for result in [
        Ok(None),
        Ok(Some(id(1, 1))),
        Err(StreamAppendError::Conflict(id(1, 2))),
        Err(StreamAppendError::HigherVote(vote(9))),
    ] {
        assert_eq!(decode_append_result(encode_append_result(&result)), Ok(result));
    }
    for confirmed in [true, false] {
        assert_eq!(decode_confirmed(encode_confirmed(confirmed)), Ok(confirmed));
    }
    for message in snapshot_messages() {
        assert_eq!(decode_snapshot(encode_snapshot(&message)), Ok(message));
    }
}

#[test]
fn layouts_stay_as_they_are() {
    let seven = "0000000000000007";
    assert_eq!(
        hex(&calls()[0]),
        format!("01010000000000000002{seven}01010000000000000001{seven}000000000000000301")
    );
    assert_eq!(hex(&calls()[4]), format!("010a0000000000000002{seven}01"));
    assert_eq!(hex(&encode_confirmed(true)), "010a01");
    assert_eq!(
        hex(&calls()[3]),
        format!(
            "01040000000000000002{seven}01\
             010000000000000001{seven}000000000000000301000000000000004d\
             010000000000000001{seven}000000000000000200000002\
             0000000000000002{seven}0000000000000004{}000000020100\
             0000000000000002{seven}0000000000000005{}00000003010100",
            "b1a40900fa48d582", "efcb5984f4a40ebf"
        )
    );
    assert_eq!(
        hex(&encode_snapshot(&snapshot_messages()[1])),
        "0106000000050000000100000003000000020000000000000008\
         0000000000000009"
    );
}

#[test]
fn an_entry_that_was_changed_under_way_is_refused() {
    let whole = encode_append(&append(), None);
    let mut bytes = whole.to_vec();
    let last = bytes.len() - 1;
    bytes[last] = 3;
    assert_eq!(
        decode_append(bytes.into()).err(),
        Some(Malformed("an entry does not match its hash"))
    );
    for length in 0..whole.len() {
        assert!(decode_append(whole.slice(..length)).is_err());
    }
}

#[test]
fn entries_with_a_gap_are_refused() {
    let mut request = append();
    request.entries.remove(0);
    let error = decode_append(encode_append(&request, None)).err();
    assert_eq!(error, Some(Malformed("entries don't follow each other")));
}

proptest! {
    #[test]
    fn no_bytes_make_decoding_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..200), kind in 0u8..12) {
        if bytes.len() > 1 {
            bytes[0] = VERSION;
            bytes[1] = kind;
        }
        let bytes = Bytes::from(bytes);
        let _ = decode_call(bytes.clone());
        let _ = decode_append(bytes.clone());
        let _ = decode_vote_response(bytes.clone());
        let _ = decode_transfer_response(bytes.clone());
        let _ = decode_append_result(bytes.clone());
        let _ = decode_snapshot(bytes);
    }

    #[test]
    fn a_flipped_byte_never_panics(at in 0usize..400, to in any::<u8>()) {
        for whole in calls().into_iter().chain(snapshot_messages().iter().map(encode_snapshot)) {
            let mut bytes = whole.to_vec();
            let at = at % bytes.len();
            bytes[at] = to;
            let _ = decode_call(bytes.clone().into());
            let _ = decode_snapshot(bytes.into());
        }
    }
}
