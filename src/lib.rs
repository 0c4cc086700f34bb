//! cngtoken: a software PKCS#11 token for the key blobs of Windows.
