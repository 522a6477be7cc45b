import { type Issue, issue } from '../errors/index.ts';

/** The version before is on the platform and stays there as it is, until what this one waits for is there. */
export const sentBefore = (): Issue => ({
  ...issue('conflict', {}, { severity: 'warning', rule: 'sent-before' }),
  text: {
    id: 'Versi sebelumnya sudah dikirim dan tetap berlaku di SATUSEHAT sampai penahanan versi ini selesai. Lengkapi data yang ditunggu.',
    en: 'The version before was sent and stays valid on SATUSEHAT until this one is no longer held. Give what it waits for.',
  },
});

/** Another source says otherwise of the same person. Never with a value. */
export const saidOtherwise = (expression: string): Issue => ({
  ...issue('conflict', {}, { severity: 'warning', rule: 'person-source', expression }),
  text: {
    id: 'Sumber lain mencatat data orang ini secara berbeda. Yang dinyatakan paling akhir berlaku; periksa mana yang benar.',
    en: 'Another source tells otherwise of this person. What was said last holds; check which is right.',
  },
});
