//! What holds for any body that arrives: see `properties` at the top.

use super::chunked::{ChunkDecoder, LAST_CHUNK, Malformed, Piece, size_line};

/// A chunked body is the same however it arrives, and what was understood can be said again in one way.
pub fn chunks(bytes: &[u8]) {
    let whole = decode(std::iter::once(bytes));
    let in_bytes = decode(bytes.chunks(1));
    assert_eq!(whole.is_err(), in_bytes.is_err(), "what is malformed does not depend on how it arrives");
    let (Ok((data, rest, done)), Ok(in_bytes)) = (whole, in_bytes) else { return };
    assert_eq!((&data, &rest, done), (&in_bytes.0, &in_bytes.1, in_bytes.2));
    if done {
        let mut again = Vec::new();
        if !data.is_empty() {
            again.extend_from_slice(size_line(data.len(), &mut [0; 18]));
            again.extend_from_slice(&data);
            again.extend_from_slice(b"\r\n");
        }
        again.extend_from_slice(LAST_CHUNK);
        assert_eq!(decode(std::iter::once(&again[..])), Ok((data, Vec::new(), true)));
    }
}

/// Decodes input that arrives in the given parts. Returns the data, what is left over, and whether the end was there.
pub(super) fn decode<'a>(parts: impl Iterator<Item = &'a [u8]>) -> Result<(Vec<u8>, Vec<u8>, bool), Malformed> {
    let mut decoder = ChunkDecoder::default();
    let (mut waiting, mut data, mut done) = (Vec::new(), Vec::new(), false);
    for part in parts {
        waiting.extend_from_slice(part);
        while !done {
            let (skip, piece) = decoder.next(&waiting)?;
            waiting.drain(..skip);
            match piece {
                Piece::Data(length) => {
                    data.extend(waiting.drain(..length));
                    decoder.consume(length);
                }
                Piece::More => break,
                Piece::End => done = true,
            }
        }
    }
    Ok((data, waiting, done))
}
