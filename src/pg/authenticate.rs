//! Who a client is: SCRAM-SHA-256 in SASL messages (manual, "SASL Authentication").

use tokio::io::{AsyncRead, AsyncWrite};

use crate::auth::{Permission, Permissions, Rejected, Users};
use crate::model::error::{Error, SqlState};
use crate::pg::decode::Reader;
use crate::pg::encode;
use crate::pg::error::violation;
use crate::pg::framing::{Gone, Wire};

const MECHANISM: &str = "SCRAM-SHA-256";

/// What a session needs: it may read and write.
fn wanted() -> Permissions {
    Permission::Query.and(Permission::Execute)
}

/// Has a client prove that it is `user`, and sees to it that this user may have a session.
///
/// # Errors
/// 28P01 for a wrong password, 28000 for a user who may not; both end the connection.
pub(crate) async fn authenticate<S: AsyncRead + AsyncWrite + Unpin>(
    wire: &mut Wire<S>,
    users: &Users,
    user: &str,
) -> Result<(), Gone> {
    if users.is_open(wanted()) {
        return Ok(());
    }
    encode::sasl_mechanisms(&[MECHANISM], &mut wire.out);
    wire.flush().await?;
    let mut exchange = users.exchange(user);
    let first = wire.password_message().await?;
    let first = initial_response(&first).map_err(Gone::Fatal)?;
    let answer = exchange.begin(first).map_err(|Rejected| malformed())?;
    encode::sasl_continue(answer.as_bytes(), &mut wire.out);
    wire.flush().await?;
    let last = wire.password_message().await?;
    let proved = exchange.end(&last).map_err(|Rejected| wrong_password(user))?;
    if !users.is_permitted(user, wanted()) {
        let message = format!(
            "user \"{user}\" may not open a session: it needs the permissions \"query\" and \"execute\""
        );
        return Err(Gone::Fatal(Error::user(
            SqlState::INVALID_AUTHORIZATION_SPECIFICATION,
            message,
        )));
    }
    encode::sasl_final(proved.as_bytes(), &mut wire.out);
    Ok(())
}

fn malformed() -> Gone {
    Gone::Fatal(violation("malformed SCRAM message"))
}

fn wrong_password(user: &str) -> Gone {
    let message = format!("password authentication failed for user \"{user}\"");
    Gone::Fatal(Error::user(SqlState::INVALID_PASSWORD, message))
}

/// The data of a SASLInitialResponse, whose mechanism must be ours.
fn initial_response(body: &[u8]) -> Result<&[u8], Error> {
    let mut reader = Reader(body);
    if reader.string()? != MECHANISM {
        return Err(violation("client selected an invalid SASL authentication mechanism"));
    }
    let length = i32::from_be_bytes(reader.take(4)?.try_into().expect("4 bytes were taken"));
    let length = usize::try_from(length).unwrap_or(0);
    let data = reader.take(length)?;
    if reader.0.is_empty() { Ok(data) } else { Err(violation("invalid message format")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_mechanism_is_taken() {
        assert_eq!(initial_response(b"SCRAM-SHA-256\0\0\0\0\x03n,,"), Ok(&b"n,,"[..]));
        for wrong in [
            &b"SCRAM-SHA-256-PLUS\0\0\0\0\0"[..],
            b"SCRAM-SHA-256\0\0\0\0\x09n,,",
            b"SCRAM-SHA-256\0\0\0\0\x01n,,",
            b"SCRAM-SHA-256",
            b"",
        ] {
            assert!(initial_response(wrong).is_err(), "{wrong:?}");
        }
    }
}
