//! Tests of `settings`.

use super::*;
use crate::datum::DateOrder;

fn settings() -> Settings {
    Settings::new(
        "me",
        ("postgres", "pg_temp_1_1"),
        &[("application_name".to_owned(), "psql".to_owned())],
    )
    .unwrap()
}

#[test]
fn definitions_are_ordered() {
    assert!(DEFINITIONS.is_sorted_by_key(|known| known.name.to_ascii_lowercase()));
}

#[test]
fn defaults_are_values_that_can_be_set() {
    for known in DEFINITIONS {
        if !matches!(known.kind, Kind::Fixed) {
            assert_eq!(
                check(known, Some(known.default)).unwrap().unwrap(),
                known.default,
                "{}",
                known.name
            );
        }
    }
}

#[test]
fn names_have_no_case_and_unknown_ones_are_refused() {
    let mut settings = settings();
    settings.set("datestyle", Some("Roman"), false).unwrap_err();
    settings.set("DATESTYLE", Some("iso, dmy"), false).unwrap();
    assert_eq!(settings.show("DateStyle").unwrap(), "ISO, DMY");
    assert_eq!(settings.style().date_order, DateOrder::Dmy);
    let error = settings.set("nonsense", Some("1"), false).unwrap_err();
    assert_eq!(error.state(), SqlState::UNDEFINED_OBJECT);
    settings.set("my.own", Some("x"), false).unwrap();
    assert_eq!(settings.show("my.OWN").unwrap(), "x");
    settings.set("eider.nonsense", Some("x"), false).unwrap_err();
}

#[test]
fn reset_goes_back_to_the_startup_value() {
    let mut settings = settings();
    settings.set("application_name", Some("other"), false).unwrap();
    settings.set("application_name", None, false).unwrap();
    assert_eq!(settings.show("application_name").unwrap(), "psql");
}

#[test]
fn local_values_end_with_the_transaction_and_rollback_undoes_all() {
    let mut settings = settings();
    let saved = settings.save();
    settings.set("statement_timeout", Some("5s"), true).unwrap();
    assert_eq!(settings.statement_timeout(), Some(Duration::from_secs(5)));
    settings.end_local();
    assert_eq!(settings.statement_timeout(), None);
    settings.set("statement_timeout", Some("90000"), false).unwrap();
    assert_eq!(settings.show("statement_timeout").unwrap(), "90s");
    settings.restore(&saved);
    assert_eq!(settings.show("statement_timeout").unwrap(), "0");
}

#[test]
fn what_cannot_be_honoured_is_refused() {
    let mut settings = settings();
    let state = |error: Error| error.state();
    let off = settings.set("standard_conforming_strings", Some("off"), false).unwrap_err();
    assert_eq!(state(off), SqlState::FEATURE_NOT_SUPPORTED);
    let johab = settings.set("client_encoding", Some("johab"), false).unwrap_err();
    assert_eq!(state(johab), SqlState::FEATURE_NOT_SUPPORTED);
    let unknown = settings.set("client_encoding", Some("wat"), false).unwrap_err();
    assert_eq!(state(unknown), SqlState::INVALID_PARAMETER_VALUE);
    settings.set("client_encoding", Some("latin-1"), false).unwrap();
    assert_eq!(settings.charset().map(|encoding| encoding.name), Some("LATIN1"));
    settings.set("client_encoding", Some("'utf-8'"), false).unwrap();
    assert_eq!(settings.charset(), None);
    let fixed = settings.set("server_version", Some("16"), false).unwrap_err();
    assert_eq!(state(fixed), SqlState::CANT_CHANGE_RUNTIME_PARAM);
}

#[test]
fn client_min_messages_says_what_is_sent() {
    let mut settings = settings();
    let sent = |settings: &Settings| {
        [Severity::Debug, Severity::Info, Severity::Notice, Severity::Warning]
            .map(|severity| settings.sends(severity))
    };
    assert_eq!(sent(&settings), [false, true, true, true]);
    for (level, expected) in [
        ("debug1", [true, true, true, true]),
        ("LOG", [false, true, true, true]),
        ("warning", [false, true, false, true]),
        ("error", [false, true, false, false]),
    ] {
        settings.set("client_min_messages", Some(level), false).unwrap();
        assert_eq!(sent(&settings), expected, "{level}");
    }
}

#[test]
fn a_transactions_settings_become_modes_and_are_not_kept() {
    let settings = settings();
    let mode = |name, value| settings.transaction_mode(name, value).unwrap();
    assert_eq!(mode("transaction_READ_only", Some("yes")).read_only, Some(true));
    assert_eq!(mode("transaction_read_only", None).read_only, Some(false));
    assert_eq!(mode("transaction_deferrable", Some("on")).deferrable, Some(true));
    let level = mode("transaction_isolation", Some("Serializable")).isolation;
    assert_eq!(level, Some(Isolation::Serializable));
    let error = settings.transaction_mode("transaction_read_only", Some("maybe")).unwrap_err();
    assert_eq!(error.state(), SqlState::INVALID_PARAMETER_VALUE);
}

#[test]
fn search_paths_are_split_as_identifiers() {
    assert_eq!(split_list("\"$user\", Public , \"A,b\""), ["$user", "public", "A,b"]);
}

#[test]
fn memory_and_real_numbers_are_shown_as_postgresql_shows_them() {
    let mut settings = settings();
    for (name, value, shown) in [
        ("work_mem", "1.5GB", "1536MB"),
        ("work_mem", "4097kB", "4097kB"),
        ("work_mem", "64.6", "65kB"),
        ("effective_cache_size", "10", "80kB"),
        ("effective_cache_size", "8GB", "8GB"),
        ("random_page_cost", "1.1", "1.1"),
        ("cpu_tuple_cost", "1e-3", "0.001"),
        ("seq_page_cost", "1.234567890123", "1.23457"),
        ("parallel_tuple_cost", "1e20", "1e+20"),
        ("jit_above_cost", "-1", "-1"),
    ] {
        settings.set(name, Some(value), false).unwrap();
        assert_eq!(settings.show(name).unwrap(), shown, "{name} = {value}");
    }
    for (name, value, message) in [
        (
            "work_mem",
            "1000B",
            "1 kB is outside the valid range for parameter \"work_mem\" (64 .. 2147483647)",
        ),
        (
            "temp_buffers",
            "1",
            "1 8kB is outside the valid range for parameter \"temp_buffers\" (100 .. 1073741823)",
        ),
        (
            "random_page_cost",
            "-1",
            "-1 is outside the valid range for parameter \"random_page_cost\" (0 .. 1.79769e+308)",
        ),
        ("work_mem", "3TB", "invalid value for parameter \"work_mem\": \"3TB\""),
        ("work_mem", "5 parsecs", "invalid value for parameter \"work_mem\": \"5 parsecs\""),
    ] {
        let error = settings.set(name, Some(value), false).unwrap_err();
        assert_eq!(error.message(), message);
    }
}
