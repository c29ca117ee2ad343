//! What must hold whatever happens. One file each, named after what it protects.

pub(super) mod acknowledged_writes_survive;
pub(super) mod counters_never_go_back;
pub(super) mod failed_writes_never_show;
pub(super) mod no_node_stops_without_a_reason;
pub(super) mod one_history;
pub(super) mod one_leader_a_term;
pub(super) mod only_clients_cancel;
pub(super) mod order_is_real_time;
pub(super) mod reads_are_as_fresh_as_promised;
pub(super) mod same_position_same_pages;
pub(super) mod transactions_are_whole;
