<#
.SYNOPSIS
    Lists the keys of this account (or machine) that Windows lets out, and writes them as key blobs into one password-protected file.
.DESCRIPTION
    Runs on Windows PowerShell 5.1 and PowerShell 7, needs no modules. It asks CNG (NCrypt) and CryptoAPI for every key of the current
    user, or with -Machine for the machine's (then run it as administrator), tells of each whether its private half may leave, and why
    not. With -OutFile it writes those that may: one text with the blob of each key in base64, encrypted in the format of `openssl enc`
    (AES-256-CBC, PBKDF2 with SHA-256), so that docs/windows.md needs one line to open it on the other side.
    Nothing on the Windows side is changed, and no unencrypted key is written anywhere.
.EXAMPLE
    .\Export-CngKeys.ps1
.EXAMPLE
    .\Export-CngKeys.ps1 -Machine -OutFile keys.enc
#>
[CmdletBinding()]
param(
    [switch] $Machine,
    [string] $OutFile,
    [securestring] $Password
)
Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'

$Iterations = 600000
$Formats = [ordered]@{
    RSA  = 'RSAFULLPRIVATEBLOB', 'RSAPRIVATEBLOB'
    ECC  = 'ECCPRIVATEBLOB', 'ECCFULLPRIVATEBLOB'
    DSA  = @('DSAPRIVATEBLOB')
    DH   = @('DHPRIVATEBLOB')
    Else = 'PQDSAPRIVATEBLOB', 'MLKEMPRIVATEBLOB', 'PKCS8_PRIVATEKEY'
}

function Get-Family([string] $Group) {
    switch -Regex ($Group) {
        '^RSA' { 'RSA'; break }
        '^EC' { 'ECC'; break }
        '^DSA' { 'DSA'; break }
        '^DH' { 'DH'; break }
        default { 'Else' }
    }
}

# NCryptEnumKeys is not in .NET, and a C# helper would need a compiler; `certutil -key` names the containers instead.
function Get-KeyNames([string] $Provider) {
    $arguments = @('-csp', $Provider, '-key')
    if (-not $Machine) { $arguments = @('-user') + $arguments }
    $lines = & certutil.exe @arguments 2>$null
    foreach ($line in $lines) {
        # A container's name stands alone, indented by two blanks; what belongs to it is indented further.
        if ($line -match '^  (\S.*)$' -and $line -notmatch '^\s*(CertUtil|RSA|AT_)') { $Matches[1].Trim() }
    }
}

function Read-CngKey([string] $Name, [string] $ProviderName) {
    $options = if ($Machine) { [Security.Cryptography.CngKeyOpenOptions]::MachineKey } else { [Security.Cryptography.CngKeyOpenOptions]::None }
    $provider = New-Object Security.Cryptography.CngProvider($ProviderName)
    $key = [Security.Cryptography.CngKey]::Open($Name, $provider, $options)
    try {
        $entry = [ordered]@{
            name = $Name; provider = $ProviderName; algorithm = $key.Algorithm.Algorithm
            bits = $key.KeySize; type = $null; blob = $null; why = $null
        }
        $policy = $key.ExportPolicy
        if (-not ($policy -band [Security.Cryptography.CngExportPolicies]::AllowPlaintextExport)) {
            $entry.why = if ($policy -band [Security.Cryptography.CngExportPolicies]::AllowExport) {
                'may leave encrypted only (no AllowPlaintextExport)'
            } else { 'not exportable' }
            return $entry
        }
        $family = Get-Family $key.AlgorithmGroup.AlgorithmGroup
        foreach ($format in $Formats[$family]) {
            try {
                $entry.blob = [Convert]::ToBase64String($key.Export((New-Object Security.Cryptography.CngKeyBlobFormat($format))))
                $entry.type = $format
                return $entry
            } catch { $entry.why = $_.Exception.Message.Trim() }
        }
        $entry
    } finally { $key.Dispose() }
}

function Read-CapiKey([string] $Name, [string] $ProviderName, [int] $ProviderType) {
    $parameters = New-Object Security.Cryptography.CspParameters($ProviderType, $ProviderName, $Name)
    $parameters.Flags = [Security.Cryptography.CspProviderFlags]::UseExistingKey
    if ($Machine) { $parameters.Flags = $parameters.Flags -bor [Security.Cryptography.CspProviderFlags]::UseMachineKeyStore }
    foreach ($number in 1, 2) {
        # 1 is AT_KEYEXCHANGE, 2 is AT_SIGNATURE.
        $parameters.KeyNumber = $number
        try { $rsa = New-Object Security.Cryptography.RSACryptoServiceProvider($parameters) } catch { continue }
        try {
            $rsa.PersistKeyInCsp = $true
            $entry = [ordered]@{
                name = $Name; provider = $ProviderName; algorithm = 'RSA'; bits = $rsa.KeySize; type = $null; blob = $null; why = $null
            }
            if ($rsa.CspKeyContainerInfo.Exportable) {
                $entry.blob = [Convert]::ToBase64String($rsa.ExportCspBlob($true))
                $entry.type = 'CAPIPRIVATEBLOB'
            } else { $entry.why = 'not exportable' }
            $entry
        } finally { $rsa.Dispose() }
    }
}

function Get-AllKeys {
    foreach ($provider in 'Microsoft Software Key Storage Provider', 'Microsoft Platform Crypto Provider', 'Microsoft Smart Card Key Storage Provider') {
        foreach ($name in Get-KeyNames $provider) {
            try { Read-CngKey $name $provider } catch {
                [ordered]@{ name = $name; provider = $provider; algorithm = ''; bits = 0; type = $null; blob = $null; why = $_.Exception.Message.Trim() }
            }
        }
    }
    $legacy = [ordered]@{ 'Microsoft Enhanced RSA and AES Cryptographic Provider' = 24; 'Microsoft Strong Cryptographic Provider' = 1 }
    foreach ($provider in $legacy.Keys) {
        foreach ($name in Get-KeyNames $provider) { Read-CapiKey $name $provider $legacy[$provider] }
    }
}

function New-RandomBytes([int] $Count) {
    $bytes = New-Object byte[] $Count
    $generator = [Security.Cryptography.RandomNumberGenerator]::Create()
    try { $generator.GetBytes($bytes) } finally { $generator.Dispose() }
    , $bytes
}

# What `openssl enc` writes: "Salted__", 8 bytes of salt, the ciphertext; key and IV are the 48 bytes that PBKDF2 gives.
function Protect-Bytes([byte[]] $Plain, [securestring] $Secret) {
    $pointer = [Runtime.InteropServices.Marshal]::SecureStringToGlobalAllocUnicode($Secret)
    try { $text = [Runtime.InteropServices.Marshal]::PtrToStringUni($pointer) } finally { [Runtime.InteropServices.Marshal]::ZeroFreeGlobalAllocUnicode($pointer) }
    $salt = New-RandomBytes 8
    $derive = New-Object Security.Cryptography.Rfc2898DeriveBytes([Text.Encoding]::UTF8.GetBytes($text), $salt, $Iterations, [Security.Cryptography.HashAlgorithmName]::SHA256)
    $aes = [Security.Cryptography.Aes]::Create()
    $aes.Key = $derive.GetBytes(32)
    $aes.IV = $derive.GetBytes(16)
    $body = $aes.CreateEncryptor().TransformFinalBlock($Plain, 0, $Plain.Length)
    [byte[]] ([Text.Encoding]::ASCII.GetBytes('Salted__') + $salt + $body)
}

# A blob as armoured text, its key's name above it.
function Format-Blob($Key) {
    $lines = for ($at = 0; $at -lt $Key.blob.Length; $at += 64) { $Key.blob.Substring($at, [Math]::Min(64, $Key.blob.Length - $at)) }
    (@("# $($Key.name)", "-----BEGIN $($Key.type)-----") + @($lines) + @("-----END $($Key.type)-----", '')) -join "`n"
}

$keys = @(Get-AllKeys)
foreach ($key in $keys) {
    $verdict = if ($key.blob) { $key.type } else { "stays: $($key.why)" }
    '{0,-10} {1,5}  {2,-40} {3}' -f $key.algorithm, $key.bits, $key.name, $verdict
}
$leaving = @($keys | Where-Object { $_.blob })
"$($keys.Count) keys, $($leaving.Count) can leave"
if ($OutFile -and $leaving.Count -gt 0) {
    if (-not $Password) { $Password = Read-Host -AsSecureString 'Password for the file' }
    $text = ($leaving | ForEach-Object { Format-Blob $_ }) -join "`n"
    $target = $ExecutionContext.SessionState.Path.GetUnresolvedProviderPathFromPSPath($OutFile)
    [IO.File]::WriteAllBytes($target, (Protect-Bytes ([Text.Encoding]::UTF8.GetBytes($text)) $Password))
    "written: $target"
}
