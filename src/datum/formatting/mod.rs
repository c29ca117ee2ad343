//! Formatting by templates: `to_char`, `to_date`, `to_timestamp`, `to_number` (manual, "Data Type
//! Formatting Functions").

mod moment_input;
mod moment_output;
mod number;
mod number_template;
mod template;

pub use moment_input::{Parsed, parse_moment};
pub use moment_output::{Fields, moment_to_char};
pub use number::{number_to_char, scientific, to_number};
pub use number_template::NumberTemplate;

/// Names of the months.
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const ROMAN_MONTHS: [&str; 12] =
    ["I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII"];

/// The ending of an ordinal number.
fn ordinal(number: &str, upper: bool) -> &'static str {
    let digits: Vec<u8> = number.bytes().filter(u8::is_ascii_digit).collect();
    let teen = digits.len() > 1 && digits[digits.len() - 2] == b'1';
    let ending = match digits.last() {
        Some(b'1') if !teen => ("st", "ST"),
        Some(b'2') if !teen => ("nd", "ND"),
        Some(b'3') if !teen => ("rd", "RD"),
        _ => ("th", "TH"),
    };
    if upper { ending.1 } else { ending.0 }
}
