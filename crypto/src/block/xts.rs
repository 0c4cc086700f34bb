//! AES-XTS (IEEE 1619, SP 800-38E) on one data unit, by the crate `xts-mode`. The key is two AES keys of 16 or 32 bytes.

use crate::{CryptoError, Direction};
use ::aes::cipher::KeyInit;
use xts_mode::Xts128;

/// Shortest data unit.
pub(crate) const MIN: usize = 16;

/// Runs over one data unit in place; its length has been checked.
pub(crate) fn unit(key: &[u8], tweak: [u8; 16], dir: Direction, data: &mut [u8]) -> Result<(), CryptoError> {
    let (first, second) = key.split_at(key.len() / 2);
    match key.len() {
        32 => run::<::aes::Aes128>(first, second, tweak, dir, data),
        64 => run::<::aes::Aes256>(first, second, tweak, dir, data),
        _ => Err(CryptoError::KeySize),
    }
}

fn run<C>(first: &[u8], second: &[u8], tweak: [u8; 16], dir: Direction, data: &mut [u8]) -> Result<(), CryptoError>
where
    C: KeyInit + ::aes::cipher::BlockCipherEncrypt + ::aes::cipher::BlockCipherDecrypt + ::aes::cipher::BlockSizeUser<BlockSize = super::U16>,
{
    let cipher = |key| C::new_from_slice(key).map_err(|_| CryptoError::KeySize);
    let xts = Xts128::new(cipher(first)?, cipher(second)?);
    if data.len() < MIN {
        return Err(crate::cipher::bad_len(dir));
    }
    match dir {
        Direction::Encrypt => xts.encrypt_sector(data, tweak.into()),
        Direction::Decrypt => xts.decrypt_sector(data, tweak.into()),
    }
    Ok(())
}
