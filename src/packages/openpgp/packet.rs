//! The packets of RFC 9580 §4, and a cursor that never reads past its end.

use super::PgpError;

/// Reads big-endian fields from the front of some bytes.
#[derive(Clone, Copy)]
pub(in crate::packages) struct Cursor<'a>(pub(in crate::packages) &'a [u8]);

impl<'a> Cursor<'a> {
    /// The next `count` bytes.
    pub(in crate::packages) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    /// One byte.
    pub(in crate::packages) fn u8(&mut self) -> Option<u8> {
        Some(self.take(1)?[0])
    }

    /// Two bytes.
    pub(in crate::packages) fn u16(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes(self.take(2)?.try_into().ok()?))
    }

    /// Four bytes.
    pub(in crate::packages) fn u32(&mut self) -> Option<u32> {
        Some(u32::from_be_bytes(self.take(4)?.try_into().ok()?))
    }

    /// A number of RFC 9580 §3.2, without leading zeros.
    pub(super) fn mpi(&mut self) -> Option<&'a [u8]> {
        let bits = usize::from(self.u16()?);
        let bytes = self.take(bits.div_ceil(8))?;
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        Some(&bytes[zeros..])
    }
}

/// One packet: its tag and what is in it.
pub(super) struct Packet<'a> {
    pub(super) tag: u8,
    pub(super) body: &'a [u8],
}

/// All packets of `bytes`. Lengths in parts are for streamed data, which no key or signature is.
pub(super) fn packets(bytes: &[u8]) -> Result<Vec<Packet<'_>>, PgpError> {
    let mut cursor = Cursor(bytes);
    let mut found = Vec::new();
    while !cursor.0.is_empty() {
        found.push(packet(&mut cursor).ok_or(PgpError::Malformed("a packet"))?);
    }
    Ok(found)
}

fn packet<'a>(cursor: &mut Cursor<'a>) -> Option<Packet<'a>> {
    let head = cursor.u8()?;
    if head & 0x80 == 0 {
        return None;
    }
    let (tag, length) = if head & 0x40 == 0 {
        let length = match head & 3 {
            0 => u32::from(cursor.u8()?),
            1 => u32::from(cursor.u16()?),
            2 => cursor.u32()?,
            _ => u32::try_from(cursor.0.len()).ok()?,
        };
        ((head >> 2) & 15, length)
    } else {
        (head & 63, new_length(cursor)?)
    };
    let body = cursor.take(usize::try_from(length).ok()?)?;
    Some(Packet { tag, body })
}

/// RFC 9580 §4.2.1, without partial lengths; subpackets have the same (§5.2.3.7).
fn new_length(cursor: &mut Cursor<'_>) -> Option<u32> {
    match cursor.u8()? {
        short @ 0..=191 => Some(u32::from(short)),
        first @ 192..=223 => Some((u32::from(first) - 192) * 256 + u32::from(cursor.u8()?) + 192),
        255 => cursor.u32(),
        _ => None,
    }
}

/// Subpackets of a signature: type (with the critical bit) and body.
pub(super) fn subpackets(bytes: &[u8]) -> Option<Vec<(u8, &[u8])>> {
    let mut cursor = Cursor(bytes);
    let mut found = Vec::new();
    while !cursor.0.is_empty() {
        // here the two-octet form goes up to 254
        let length = match *cursor.0.first()? {
            first @ 224..=254 => {
                cursor.u8()?;
                (u32::from(first) - 192) * 256 + u32::from(cursor.u8()?) + 192
            }
            _ => new_length(&mut cursor)?,
        };
        let body = cursor.take(usize::try_from(length).ok()?)?;
        let (kind, rest) = body.split_first()?;
        found.push((*kind, rest));
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_both_forms_of_a_packet() {
        let old = [0x88, 2, 1, 2];
        let new = [0xc2, 2, 1, 2];
        let long = [&[0x99, 0, 1, 9][..], &[0xc6, 0xff, 0, 0, 0, 1, 7]].concat();
        for bytes in [&old, &new] {
            let found = packets(bytes).unwrap();
            assert_eq!((found[0].tag, found[0].body), (2, &[1, 2][..]));
        }
        let found = packets(&long).unwrap();
        let found: Vec<_> = found.iter().map(|p| (p.tag, p.body)).collect();
        assert_eq!(found, [(6, &[9][..]), (6, &[7][..])]);
    }

    #[test]
    fn refuses_what_ends_early_or_comes_in_parts() {
        for bytes in [&[0x88, 3, 1][..], &[0x88], &[0x08, 0], &[0xc2, 0xe1, 0, 0]] {
            assert!(packets(bytes).is_err(), "{bytes:?}");
        }
        assert!(subpackets(&[5, 2, 0]).is_none());
        assert!(subpackets(&[0]).is_none());
    }

    #[test]
    fn numbers_lose_their_leading_zeros() {
        assert_eq!(Cursor(&[0, 16, 0, 5]).mpi(), Some(&[5][..]));
        assert_eq!(Cursor(&[0, 16, 1]).mpi(), None);
    }
}
