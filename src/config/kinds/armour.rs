//! ASCII armour of `OpenPGP` (RFC 9580 §6).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const BEGIN: &str = "-----BEGIN PGP PUBLIC KEY BLOCK-----";
const END: &str = "-----END PGP PUBLIC KEY BLOCK-----";

/// The keys in all blocks of public keys, one after the other; `None` where there is none, or one is
/// damaged.
pub(super) fn public_keys(text: &str) -> Option<Vec<u8>> {
    let mut keys = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once(BEGIN) {
        let (block, after) = after.split_once(END)?;
        keys.extend(dearmoured(block)?);
        rest = after;
    }
    (!keys.is_empty()).then_some(keys)
}

/// What stands between the frame's lines: headers, an empty line, base64, and `=` with the sum.
fn dearmoured(block: &str) -> Option<Vec<u8>> {
    let mut lines = block.lines().map(str::trim);
    // the rest of the first line, and headers
    lines.find(|line| line.is_empty())?;
    let body: Vec<&str> = lines.skip_while(|line| line.contains(": ")).collect();
    let is_sum = |line: &&str| line.starts_with('=') && line.len() == 5;
    let digits: String = body.iter().copied().filter(|line| !is_sum(line)).collect();
    let key = STANDARD.decode(digits).ok()?;
    let sum = body.into_iter().find(is_sum).map(|line| &line[1..]);
    // §4.2: bit 7 is always set, and a key begins with packet 6, in the old form of headers or the new one
    let first = *key.first()?;
    let tag = if first & 0x40 == 0 {
        first >> 2 & 0xf
    } else {
        first & 0x3f
    };
    let sound = sum.is_none_or(|sum| STANDARD.encode(&crc24(&key).to_be_bytes()[1..]) == sum);
    (first & 0x80 != 0 && tag == 6 && sound).then_some(key)
}

/// §6.1.1
fn crc24(bytes: &[u8]) -> u32 {
    let mut crc = 0x00b7_04ce;
    for byte in bytes {
        crc ^= u32::from(*byte) << 16;
        for _ in 0..8 {
            crc <<= 1;
            if crc & 0x0100_0000 != 0 {
                crc ^= 0x0186_4cfb;
            }
        }
    }
    crc & 0x00ff_ffff
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by `GnuPG` 2.2.40.
    const KEY: &str = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\
        \n\
        mDMEawOilxYJKwYBBAHaRw8BAQdAlS8PGtka+ieq7zW1r2iUAp6cmUPIiBL/L8cM\n\
        TFugA6K0FHBhY2thZ2VzQGV4YW1wbGUuY29tiJAEExYIADgWIQSUPa9du+CSYWjP\n\
        Cih9q29WBLHwDAUCawOilwIbAwULCQgHAgYVCgkICwIEFgIDAQIeAQIXgAAKCRB9\n\
        q29WBLHwDCgRAP4tp9qZfjIG6XxJdF5NfynVf8CqWLa+lz6bP2VHB4wwLAD6A8n2\n\
        k1Nok05utdtc+Gbxw+VqUco3ImhUkkemLbMpfAw=\n\
        =jfYz\n\
        -----END PGP PUBLIC KEY BLOCK-----\n";

    #[test]
    fn is_what_gpg_dearmor_makes() {
        let key = public_keys(KEY).unwrap();
        assert_eq!(key.len(), 221);
        assert_eq!(key[..8], [0x98, 0x33, 0x04, 0x6b, 0x03, 0xa2, 0x97, 0x16]);
    }

    #[test]
    fn headers_blanks_and_more_than_one() {
        let key = public_keys(KEY).unwrap();
        let headed = KEY.replacen("\n\n", "\nVersion: GnuPG v1\nComment: ours\n\n", 1);
        assert_eq!(public_keys(&headed).as_ref(), Some(&key));
        assert_eq!(public_keys(&KEY.replace('\n', "\r\n")).as_ref(), Some(&key));
        assert_eq!(
            public_keys(&KEY.replace("=jfYz\n", "")).as_ref(),
            Some(&key),
            "the sum may be left out"
        );
        let twice = format!("two of them\n{KEY}{KEY}");
        assert_eq!(public_keys(&twice), Some([&key[..], &key].concat()));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for text in [
            "",
            "mDMEawOilxYJKwYBBAHaRw8BAQdA",
            &KEY.replace("mDME", "mDMF"),
            &KEY.replace("END", "BEGIN"),
            &KEY.replace("PUBLIC KEY BLOCK", "PRIVATE KEY BLOCK"),
            "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\naGVsbG8=\n-----END PGP PUBLIC KEY BLOCK-----\n",
        ] {
            assert_eq!(public_keys(text), None, "{text}");
        }
    }
}
