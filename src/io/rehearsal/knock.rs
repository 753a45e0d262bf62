//! Who knocks at a port: the first messages of a connection, as far as they ask for a password
//! (<https://www.postgresql.org/docs/current/protocol-flow.html>).

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// What stands in the place of the protocol's version: a wish for TLS, one for GSSAPI, one to
/// cancel what another connection does.
const TLS: u32 = 80_877_103;
const GSSAPI: u32 = 80_877_104;
const CANCEL: u32 = 80_877_102;
/// `AuthenticationCleartextPassword`: what is said never leaves the machine.
const ASK: [u8; 9] = [b'R', 0, 0, 0, 8, 0, 0, 0, 3];
/// No message that comes before a password is longer.
const MOST: u32 = 10_000;

/// Hears a client until it has said the password, and returns what the server has to hear of it.
///
/// # Errors
/// When it breaks off, says what no client of PostgreSQL says, or does not know the password.
pub(super) async fn answered(
    client: &mut (impl AsyncRead + AsyncWrite + Unpin),
    password: &str,
) -> io::Result<Vec<u8>> {
    let startup = loop {
        let message = message(client).await?;
        match code(&message) {
            // It goes on without.
            Some(TLS | GSSAPI) => client.write_all(b"N").await?,
            // The server knows whom to believe: it carries that connection's own secret.
            Some(CANCEL) => return Ok(message),
            Some(_) => break message,
            None => return Err(io::ErrorKind::InvalidData.into()),
        }
    };
    client.write_all(&ASK).await?;
    if client.read_u8().await? != b'p' {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let said = message(client).await?;
    if said.get(4..) == Some([password.as_bytes(), &[0]].concat().as_slice()) {
        return Ok(startup);
    }
    client.write_all(&refusal()).await?;
    client.shutdown().await?;
    Err(io::ErrorKind::PermissionDenied.into())
}

/// Reads a message that begins with its length, and returns it with that.
async fn message(client: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    let length = client.read_u32().await?;
    if !(4..=MOST).contains(&length) {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut message = length.to_be_bytes().to_vec();
    client.take(u64::from(length) - 4).read_to_end(&mut message).await?;
    let is_whole = u32::try_from(message.len()).is_ok_and(|read| read == length);
    if is_whole { Ok(message) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

fn code(message: &[u8]) -> Option<u32> {
    let code = message.get(4..8)?;
    code.try_into().ok().map(u32::from_be_bytes)
}

/// Returns the `ErrorResponse` to a wrong password.
fn refusal() -> Vec<u8> {
    let fields = b"SFATAL\0C28P01\0Mthis is a copy of a rehearsal, and not for you\0\0";
    let length = u32::try_from(fields.len() + 4).unwrap_or_default();
    [b"E".as_slice(), &length.to_be_bytes(), fields].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn startup() -> Vec<u8> {
        let said = [[0, 3, 0, 0].as_slice(), b"user\0app\0\0"].concat();
        let length = u32::try_from(said.len() + 4).expect("it is short");
        [length.to_be_bytes().as_slice(), &said].concat()
    }

    fn wish(code: u32) -> Vec<u8> {
        [8_u32.to_be_bytes(), code.to_be_bytes()].concat()
    }

    fn word(password: &str) -> Vec<u8> {
        let length = u32::try_from(password.len() + 5).expect("it is short");
        [b"p".as_slice(), &length.to_be_bytes(), password.as_bytes(), &[0]].concat()
    }

    async fn heard(said: &[Vec<u8>]) -> (io::Result<Vec<u8>>, Vec<u8>) {
        let (mut client, mut door) = tokio::io::duplex(1 << 12);
        client.write_all(&said.concat()).await.expect("there is room");
        client.shutdown().await.expect("it ends");
        let answered = answered(&mut door, "open sesame").await;
        drop(door);
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).await.expect("it is read");
        (answered, answer)
    }

    #[tokio::test]
    async fn who_knows_the_password_is_let_in_with_what_it_said_first() {
        let said = [wish(TLS), wish(GSSAPI), startup(), word("open sesame")];
        let (answered, answer) = heard(&said).await;
        assert_eq!(answered.ok(), Some(startup()));
        assert_eq!(answer, [b"NN".as_slice(), &ASK].concat());
        let (answered, _) = heard(&[wish(CANCEL)]).await;
        assert_eq!(answered.ok(), Some(wish(CANCEL)));
    }

    #[tokio::test]
    async fn who_does_not_know_it_is_sent_away() {
        for last in [word("open"), word("open sesame!"), word(""), Vec::new(), b"Q".to_vec()] {
            let (answered, answer) = heard(&[startup(), last]).await;
            assert!(answered.is_err());
            assert!(answer.starts_with(&ASK));
        }
        let long = [u32::MAX.to_be_bytes().to_vec(), vec![0; 64]].concat();
        for said in [Vec::new(), vec![0, 0, 0, 4], long, wish(0)[..6].to_vec()] {
            assert!(heard(&[said]).await.0.is_err());
        }
    }
}
