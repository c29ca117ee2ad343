//! Encodings: names, and characters beside what PostgreSQL 15 makes of them.

use super::*;

fn known(name: &str) -> &'static Encoding {
    named(name).unwrap()
}

fn refusal(result: Result<Cow<'_, str>, Error>) -> String {
    let error = result.unwrap_err();
    format!("{} {error}", error.state().as_str())
}

#[test]
fn names_are_compared_without_case_and_punctuation() {
    for (name, shown) in [
        ("'utf-8'", "UTF8"),
        ("Unicode", "UTF8"),
        ("iso-8859-15", "LATIN9"),
        ("windows-1252", "WIN1252"),
        (" Euc-Jp ", "EUC_JP"),
        ("SQL_ASCII", "SQL_ASCII"),
        ("Shift_JIS", "SJIS"),
    ] {
        assert_eq!(known(name).name, shown, "{name}");
    }
    assert!(named("wat").is_none());
    assert!(ENCODINGS.iter().enumerate().all(|(at, known)| known.number as usize == at));
    assert!(ENCODINGS.iter().all(|known| named(known.name).unwrap().number == known.number));
}

/// What PostgreSQL 15 gives.
#[test]
fn characters_are_converted_as_postgresql_does() {
    for (name, bytes, text) in [
        ("latin1", b"\xe9\x80".as_slice(), "é\u{80}"),
        ("latin9", b"\xa4", "€"),
        ("win1252", b"\x80", "€"),
        ("koi8r", b"\xf0\xd2", "Пр"),
        ("euc_jp", b"\xa4\xa2\x8e\xb1\x8f\xb0\xa1", "あｱ丂"),
        ("sjis", b"\x82\xa0\xb1", "あｱ"),
        ("euc_kr", b"\xb0\xa1", "가"),
        ("euc_cn", b"\xb0\xa1", "啊"),
        ("euc_tw", b"\xc4\xa1", "一"),
        ("gbk", b"\x81\x40", "丂"),
        ("big5", b"\xa4\x40", "一"),
        ("uhc", b"\x81\x41", "갂"),
        ("gb18030", b"\x90\x30\x81\x30\x81\x30\x85\x39", "\u{10000}¶"),
    ] {
        assert_eq!(known(name).read(bytes).unwrap(), text, "{name}");
        assert_eq!(*known(name).write(text).unwrap(), *bytes, "{name}");
    }
}

#[test]
fn what_cannot_be_converted_is_shown() {
    for (name, bytes, expected) in [
        (
            "win1252",
            b"\x81".as_slice(),
            "22P05 character with byte sequence 0x81 in encoding \"WIN1252\" has no equivalent in encoding \"UTF8\"",
        ),
        ("euc_jp", b"\x8f\x41", "22021 invalid byte sequence for encoding \"EUC_JP\": 0x8f 0x41"),
        ("euc_jp", b"a\xa1", "22021 invalid byte sequence for encoding \"EUC_JP\": 0xa1"),
        (
            "euc_jp",
            b"\xa9\xa1",
            "22P05 character with byte sequence 0xa9 0xa1 in encoding \"EUC_JP\" has no equivalent in encoding \"UTF8\"",
        ),
        ("sjis", b"\x81\0", "22021 invalid byte sequence for encoding \"SJIS\": 0x81 0x00"),
        ("latin1", b"\0", "22021 invalid byte sequence for encoding \"LATIN1\": 0x00"),
        ("sql_ascii", b"\xe9", "22021 invalid byte sequence for encoding \"UTF8\": 0xe9"),
    ] {
        assert_eq!(refusal(known(name).read(bytes)), expected);
    }
    let error = known("latin1").write("a€").unwrap_err();
    assert_eq!(
        error.to_string(),
        "character with byte sequence 0xe2 0x82 0xac in encoding \"UTF8\" has no equivalent in encoding \"LATIN1\""
    );
}

/// Whatever is read is valid, and what can be written back is the same again, but for the doubles that
/// some encodings have.
#[test]
fn all_pairs_of_bytes_are_read_or_refused() {
    for encoding in ENCODINGS.iter().filter(|encoding| !encoding.is_missing()) {
        let mut read = 0;
        for pair in 0..=u16::MAX {
            if let Ok(text) = encoding.read(&pair.to_be_bytes())
                && encoding.write(&text).is_ok_and(|bytes| *bytes == pair.to_be_bytes())
            {
                read += 1;
            }
        }
        assert!(read >= 127 * 127, "{}: {read}", encoding.name);
    }
}
