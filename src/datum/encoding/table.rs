//! The characters of each encoding, by PostgreSQL's own conversions: `tables/` is written by the script
//! `export`, which describes the format, and compiled in. A table is read when it is first asked.

use std::sync::OnceLock;

/// Consecutive codes of consecutive code points.
#[derive(Debug, Clone, Copy)]
struct Run {
    /// How many bytes, and [`ordinal`].
    code: (usize, u32),
    point: u32,
    count: u32,
}

#[derive(Debug)]
pub(super) struct Table {
    /// Ordered by code.
    reading: Vec<Run>,
    /// Ordered by code point.
    writing: Vec<Run>,
}

/// The place of a code among those of its length: four bytes are GB18030's, or in a plane of EUC-TW's.
fn ordinal(code: &[u8]) -> u32 {
    match *code {
        [a, b @ 0x30..=0x39, c, d] => {
            let [a, b, c, d] = [(a, 0x81), (b, 0x30), (c, 0x81), (d, 0x30)]
                .map(|(byte, least)| u32::from(byte.wrapping_sub(least)));
            ((a * 10 + b) * 126 + c) * 10 + d
        }
        _ => code.iter().fold(0, |all, byte| all << 8 | u32::from(*byte)),
    }
}

/// Writes the code of a place.
fn put((length, ordinal): (usize, u32), out: &mut Vec<u8>) {
    // Four bytes of EUC-TW begin with a high one, far beyond GB18030's places.
    if length == 4 && ordinal < 0x8000_0000 {
        let digits = [
            ordinal / 12600 + 0x81,
            ordinal / 1260 % 10 + 0x30,
            ordinal / 10 % 126 + 0x81,
            ordinal % 10 + 0x30,
        ];
        out.extend(digits.map(|byte| byte as u8));
    } else {
        out.extend_from_slice(&ordinal.to_be_bytes()[4 - length..]);
    }
}

impl Table {
    /// Nothing in it may be wrong: it is the program's own.
    fn parse(text: &str) -> Self {
        let mut table = Self { reading: Vec::new(), writing: Vec::new() };
        for line in text.lines() {
            let (reads, writes) = (!line.starts_with('>'), !line.starts_with('<'));
            let mut words = line.trim_start_matches(['<', '>']).split(' ');
            let code = words.next().unwrap_or_default();
            let bytes = u32::from_str_radix(code, 16).unwrap_or_default().to_be_bytes();
            let length = code.len() / 2;
            let mut next = ordinal(&bytes[4 - length.min(4)..]);
            for word in words {
                let (point, count) = word.split_once('+').unwrap_or((word, "1"));
                let run = Run {
                    code: (length, next),
                    point: u32::from_str_radix(point, 16).unwrap_or_default(),
                    count: count.parse().unwrap_or_default(),
                };
                next += run.count;
                if reads {
                    table.reading.push(run);
                }
                if writes {
                    table.writing.push(run);
                }
            }
        }
        table.reading.sort_unstable_by_key(|run| run.code);
        table.writing.sort_unstable_by_key(|run| run.point);
        table
    }

    /// The character of a code.
    pub(super) fn read(&self, code: &[u8]) -> Option<char> {
        let code = (code.len(), ordinal(code));
        let after = self.reading.partition_point(|run| run.code <= code);
        let run = self.reading.get(after.checked_sub(1)?)?;
        let place = code.1.checked_sub(run.code.1).filter(|_| run.code.0 == code.0)?;
        (place < run.count).then(|| char::from_u32(run.point + place)).flatten()
    }

    /// Writes a character's code; `false` if it has none.
    pub(super) fn write(&self, character: char, out: &mut Vec<u8>) -> bool {
        let point = u32::from(character);
        let after = self.writing.partition_point(|run| run.point <= point);
        let Some(run) = after.checked_sub(1).and_then(|at| self.writing.get(at)) else {
            return false;
        };
        let place = point - run.point;
        if place < run.count {
            put((run.code.0, run.code.1 + place), out);
        }
        place < run.count
    }
}

/// The tables by the encodings' numbers; empty for those that need none.
const TEXTS: [&str; 42] = [
    "",
    include_str!("tables/euc_jp.txt"),
    include_str!("tables/euc_cn.txt"),
    include_str!("tables/euc_kr.txt"),
    include_str!("tables/euc_tw.txt"),
    "",
    "",
    "",
    "",
    include_str!("tables/latin2.txt"),
    include_str!("tables/latin3.txt"),
    include_str!("tables/latin4.txt"),
    include_str!("tables/latin5.txt"),
    include_str!("tables/latin6.txt"),
    include_str!("tables/latin7.txt"),
    include_str!("tables/latin8.txt"),
    include_str!("tables/latin9.txt"),
    include_str!("tables/latin10.txt"),
    include_str!("tables/win1256.txt"),
    include_str!("tables/win1258.txt"),
    include_str!("tables/win866.txt"),
    include_str!("tables/win874.txt"),
    include_str!("tables/koi8r.txt"),
    include_str!("tables/win1251.txt"),
    include_str!("tables/win1252.txt"),
    include_str!("tables/iso_8859_5.txt"),
    include_str!("tables/iso_8859_6.txt"),
    include_str!("tables/iso_8859_7.txt"),
    include_str!("tables/iso_8859_8.txt"),
    include_str!("tables/win1250.txt"),
    include_str!("tables/win1253.txt"),
    include_str!("tables/win1254.txt"),
    include_str!("tables/win1255.txt"),
    include_str!("tables/win1257.txt"),
    include_str!("tables/koi8u.txt"),
    include_str!("tables/sjis.txt"),
    include_str!("tables/big5.txt"),
    include_str!("tables/gbk.txt"),
    include_str!("tables/uhc.txt"),
    include_str!("tables/gb18030.txt"),
    "",
    "",
];

/// The table of an encoding's number.
pub(super) fn of(number: i32) -> &'static Table {
    static TABLES: [OnceLock<Table>; TEXTS.len()] = [const { OnceLock::new() }; TEXTS.len()];
    let at = usize::try_from(number).unwrap_or_default().min(TEXTS.len() - 1);
    TABLES[at].get_or_init(|| Table::parse(TEXTS[at]))
}
