//! Numbers and dates as ISO 9660 stores them.

use time::OffsetDateTime;

use super::IsoError;

/// A 16-bit number in both byte orders, ECMA-119 §7.2.3.
pub(super) fn both16(number: u16) -> [u8; 4] {
    let [a, b] = number.to_le_bytes();
    [a, b, b, a]
}

/// A 32-bit number in both byte orders, ECMA-119 §7.3.3.
pub(super) fn both32(number: u32) -> [u8; 8] {
    let [a, b, c, d] = number.to_le_bytes();
    [a, b, c, d, d, c, b, a]
}

/// The one time stamp of an image, UTC.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stamp {
    /// For directory records and Rock Ridge: ECMA-119 §9.1.5.
    pub(super) short: [u8; 7],
    /// For descriptors, digits: ECMA-119 §8.4.26.1.
    pub(super) long: [u8; 17],
}

impl Stamp {
    /// From seconds since 1970.
    pub(super) fn new(seconds: i64) -> Result<Self, IsoError> {
        let time = OffsetDateTime::from_unix_timestamp(seconds)
            .ok()
            .filter(|time| (1900..=2155).contains(&time.year()))
            .ok_or(IsoError::Time(seconds))?;
        let since_1900 = u8::try_from(time.year() - 1900).map_err(|_| IsoError::Time(seconds))?;
        let month = u8::from(time.month());
        let (hour, minute, second) = time.to_hms();
        let digits = format!(
            "{:04}{month:02}{:02}{hour:02}{minute:02}{second:02}00",
            time.year(),
            time.day(),
        );
        let mut long = [0; 17];
        long[..16].copy_from_slice(digits.as_bytes());
        Ok(Self {
            // The last byte is the offset from Greenwich in quarters of an hour.
            short: [since_1900, month, time.day(), hour, minute, second, 0],
            long,
        })
    }
}

/// "No date", ECMA-119 §8.4.26.1: sixteen digits zero and a byte zero.
pub(super) const NO_DATE: [u8; 17] = *b"0000000000000000\0";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_both_orders() {
        assert_eq!(both16(0x1234), [0x34, 0x12, 0x12, 0x34]);
        assert_eq!(
            both32(0x1234_5678),
            [0x78, 0x56, 0x34, 0x12, 0x12, 0x34, 0x56, 0x78]
        );
    }

    #[test]
    fn dates() {
        let stamp = Stamp::new(crate::pack::EPOCH + 3 * 3600 + 62).unwrap();
        assert_eq!(stamp.short, [120, 1, 1, 3, 1, 2, 0]);
        assert_eq!(&stamp.long, b"2020010103010200\0");
        assert!(Stamp::new(i64::MAX).is_err());
        assert!(Stamp::new(-2_300_000_000).is_err());
    }
}
