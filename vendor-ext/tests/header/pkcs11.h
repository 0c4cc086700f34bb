/* The little of PKCS#11 that cngtoken.h needs, for a machine without a PKCS#11 header. */
#ifndef STUB_PKCS11_H
#define STUB_PKCS11_H 1
#define CKR_OK 0UL
#define CKA_VENDOR_DEFINED 0x80000000UL
#define CK_INVALID_HANDLE 0UL
typedef unsigned char CK_BYTE;
typedef unsigned char CK_UTF8CHAR;
typedef unsigned long CK_ULONG;
typedef CK_ULONG CK_RV;
typedef CK_ULONG CK_SESSION_HANDLE;
typedef CK_ULONG CK_OBJECT_HANDLE;
typedef CK_BYTE *CK_BYTE_PTR;
typedef CK_UTF8CHAR *CK_UTF8CHAR_PTR;
typedef CK_ULONG *CK_ULONG_PTR;
typedef CK_OBJECT_HANDLE *CK_OBJECT_HANDLE_PTR;
typedef struct CK_ATTRIBUTE { CK_ULONG type; void *pValue; CK_ULONG ulValueLen; } CK_ATTRIBUTE;
typedef CK_ATTRIBUTE *CK_ATTRIBUTE_PTR;
typedef struct CK_VERSION { CK_BYTE major; CK_BYTE minor; } CK_VERSION;
#endif
